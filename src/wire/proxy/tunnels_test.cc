// Tunnels carry bytes both ways unchanged, and end with either side, a timeout or the server.
#include "wire/proxy/tunnels.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "wire/server/http_server.h"

namespace tidemill::wire {
namespace {

// Answers CONNECT with a tunnel.
class Proxy final : public HttpHandler {
 public:
  explicit Proxy(TunnelOptions options) : tunnels(options) {}
  void handle(HttpRequest request, Respond respond) override {
    const std::size_t colon = request.target.rfind(':');
    tunnels.open(request.target.substr(0, colon),
                 std::uint16_t(std::stoi(request.target.substr(colon + 1))), std::move(respond));
  }
  Tunnels tunnels;
};

// Allows every address here; tests of tunnel_refusal() cover refusals.
TunnelOptions everywhere() {
  TunnelOptions options;
  options.refusal = [](const std::string&) { return std::nullopt; };
  return options;
}

class World {
 public:
  explicit World(TunnelOptions options) : proxy_(std::move(options)) {
    server_ = std::make_unique<HttpServer>(loops_, pool_, proxy_, HttpServerOptions{.port = 0});
    EXPECT_TRUE(server_->start());
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = loopback(0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    target_port_ = ntohs(address.sin_port);
  }
  ~World() {
    server_->stop();
    proxy_.tunnels.stop();
    ::close(listener_);
  }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  // A client of the proxy, which has sent CONNECT and `after`.
  int connect(const std::string& after = "") {
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval patience{10, 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address = loopback(server_->port());
    EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string target = "127.0.0.1:" + std::to_string(target_port_);
    send(client, "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n" + after);
    return client;
  }
  int accept() { return ::accept(listener_, nullptr, nullptr); }
  static void send(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      bytes.remove_prefix(std::size_t(count));
    }
  }
  // Reads `size` bytes, or up to the end.
  static std::string read(int socket, std::size_t size) {
    std::string out(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t count = ::recv(socket, out.data() + got, size - got, 0);
      if (count <= 0) break;
      got += std::size_t(count);
    }
    out.resize(got);
    return out;
  }
  static std::string read_head(int socket) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string byte = read(socket, 1);
      if (byte.empty()) break;
      head += byte;
    }
    return head;
  }
  Tunnels& tunnels() { return proxy_.tunnels; }

 private:
  runtime::EventLoops loops_{2};
  runtime::WorkerPool pool_{{"stream", 1, 16}};
  Proxy proxy_;
  std::unique_ptr<HttpServer> server_;
  int listener_ = -1;
  std::uint16_t target_port_ = 0;
};

TEST(Tunnels, BytesPassBothWaysAndEndsToo) {
  World world(everywhere());
  const int client = world.connect("early");
  const int target = world.accept();
  EXPECT_TRUE(World::read_head(client).starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(World::read(target, 5), "early");
  std::string large(3 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 997) large[i] = char('a' + i % 26);
  std::thread sender([&] {
    World::send(client, large);
    ::shutdown(client, SHUT_WR);
  });
  EXPECT_EQ(World::read(target, large.size()), large);
  EXPECT_EQ(World::read(target, 1), "");  // the client's end arrived
  sender.join();
  std::thread answerer([&] {
    World::send(target, large);
    ::close(target);
  });
  EXPECT_EQ(World::read(client, large.size()), large);
  EXPECT_EQ(World::read(client, 1), "");
  answerer.join();
  ::close(client);
}

TEST(Tunnels, EndAfterIdleTime) {
  TunnelOptions options = everywhere();
  options.idle_timeout = std::chrono::milliseconds(100);
  World world(options);
  const int client = world.connect();
  const int target = world.accept();
  World::read_head(client);
  EXPECT_EQ(World::read(client, 1), "");
  ::close(client);
  ::close(target);
}

TEST(Tunnels, AreBoundedAndRefusedWhereTheRulesSaySo) {
  TunnelOptions options = everywhere();
  options.tunnels_max = 1;
  World world(options);
  const int first = world.connect();
  const int target = world.accept();
  EXPECT_TRUE(World::read_head(first).starts_with("HTTP/1.1 200 "));
  const int second = world.connect();
  EXPECT_TRUE(World::read_head(second).starts_with("HTTP/1.1 503 "));
  ::close(first);
  ::close(target);
  ::close(second);

  World strict{TunnelOptions{}};
  const int refused = strict.connect();
  EXPECT_TRUE(World::read_head(refused).starts_with("HTTP/1.1 403 "));
  ::close(refused);
  EXPECT_EQ(strict.tunnels().counts().refused, 1u);
}

TEST(Tunnels, StopCutsThem) {
  World world(everywhere());
  const int client = world.connect();
  const int target = world.accept();
  World::read_head(client);
  world.tunnels().stop();
  EXPECT_EQ(World::read(client, 1), "");
  EXPECT_EQ(World::read(target, 1), "");
  ::close(client);
  ::close(target);
}

}  // namespace
}  // namespace tidemill::wire
