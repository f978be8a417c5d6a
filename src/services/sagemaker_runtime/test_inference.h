// For tests: an endpoint named churn with variants as the test chooses, and its model servers.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/sagemaker_runtime/inference.h"

namespace tidemill::services::sagemaker_runtime {

// Its score is the sum of the row.
class SumModel : public infer::Model {
 public:
  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    for (std::size_t row = 0; row < count; ++row) out[row] = rows[row * 2] + rows[row * 2 + 1];
    return {};
  }
  std::size_t feature_count() const override { return 2; }
  std::size_t output_columns() const override { return 1; }
  std::size_t memory_bytes() const override { return 0; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 0; }

 private:
  std::string objective_ = "reg:squarederror";
};

// A process that answers requests, one per connection, as the test says.
class ModelServer {
 public:
  // Maps a request's first line and body to the whole answer; "" closes the connection without one.
  // Runs on one thread per connection.
  using Handler = std::function<std::string(const std::string& line, const std::string& body)>;

  explicit ModelServer(Handler handler) : handler_(std::move(handler)) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(descriptor_, 64);
    socklen_t length = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ModelServer() {
    ::shutdown(descriptor_, SHUT_RDWR);
    thread_.join();
    ::close(descriptor_);
  }
  std::uint16_t port() const { return port_; }
  int requests() const { return requests_; }

  static std::string answer(const std::string& body, const std::string& more_headers = "",
                            const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Type: text/csv\r\n" +
           more_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

 private:
  void serve() {
    std::list<std::jthread> connections;
    for (int client; (client = ::accept(descriptor_, nullptr, nullptr)) >= 0;)
      connections.emplace_back([this, client] { answer_one(client); });
  }
  void answer_one(int client) {
    std::string request;
    char buffer[65536];
    std::size_t head = request.npos, wanted = 0;
    while (head == request.npos || request.size() < head + wanted) {
      const ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      request.append(buffer, std::size_t(count));
      if (head != request.npos || (head = request.find("\r\n\r\n")) == request.npos) continue;
      head += 4;
      const std::size_t length = request.find("Content-Length: ");
      if (length < head) wanted = std::stoul(request.substr(length + 16));
    }
    ++requests_;
    if (head != request.npos) {
      const std::string out =
          handler_(request.substr(0, request.find("\r\n")), request.substr(head));
      for (std::size_t sent = 0; sent < out.size();) {
        const ssize_t count = ::send(client, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += std::size_t(count);
      }
    }
    ::close(client);
  }

  const Handler handler_;
  int descriptor_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

class InferenceTest : public ::testing::Test {
 protected:
  void put(std::vector<VariantRoute> variants, std::vector<VariantRoute> shadows = {}) {
    EndpointRoute route;
    route.account = "111122223333";
    route.region = "us-east-1";
    route.name = "churn";
    route.variants = std::move(variants);
    route.shadows = std::move(shadows);
    routes_.put(std::move(route));
  }
  static ContainerRoute native_container(std::string hostname = "") {
    ContainerRoute container;
    container.hostname = std::move(hostname);
    container.native = std::make_shared<SumModel>();
    return container;
  }
  static VariantRoute native(std::string name, double weight) {
    VariantRoute variant;
    variant.name = std::move(name);
    variant.weight = weight;
    variant.containers.push_back(native_container());
    return variant;
  }
  static VariantRoute process(std::uint16_t port) {
    VariantRoute variant;
    variant.name = "AllTraffic";
    variant.containers.resize(1);
    variant.containers[0].process = true;
    variant.instances = {{{{{"", port}, "AllTraffic/i-0"}}}};
    return variant;
  }
  // A variant with one process per instance, on these loopback ports.
  static VariantRoute processes(const std::vector<std::uint16_t>& ports) {
    VariantRoute variant = process(0);
    variant.instances.clear();
    for (std::size_t i = 0; i < ports.size(); ++i)
      variant.instances.push_back({{{{"", ports[i]}, "AllTraffic/i-" + std::to_string(i)}}});
    return variant;
  }
  static InvokeRequest request(std::string body) {
    InvokeRequest out;
    out.account = "111122223333";
    out.region = "us-east-1";
    out.endpoint = "churn";
    out.content_type = "text/csv";
    out.body = std::move(body);
    return out;
  }
  InvokeResult invoke(InvokeRequest what) {
    std::promise<InvokeResult> promise;
    inference_.invoke(std::move(what),
                      [&promise](InvokeResult result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  InvokeResult invoke(std::string body, std::string variant = "", std::string endpoint = "churn") {
    InvokeRequest what = request(std::move(body));
    what.endpoint = std::move(endpoint);
    what.target_variant = std::move(variant);
    return invoke(std::move(what));
  }

  // Waits for the loop: a request gives its place back only after it has answered.
  void settle() {
    std::promise<void> passed;
    loops_.nearest().post([&] { passed.set_value(); });
    passed.get_future().wait();
  }

  static constexpr InferenceLimits kLimits = InferenceLimits{6u << 20, std::chrono::seconds(60)};
  SystemClock clock_;
  RoutingTable routes_;
  runtime::EventLoops loops_{1};
  Inference inference_{routes_, loops_, clock_, kLimits};
};

}  // namespace tidemill::services::sagemaker_runtime
