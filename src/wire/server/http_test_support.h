// Shared by the server's tests: a handler made from a function, a server around it, and a client
// that sends arbitrary bytes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/test_eventually.h"
#include "wire/http_parser.h"
#include "wire/server/http_server.h"

namespace tidemill::wire {

using std::chrono::milliseconds;

class FunctionHandler final : public HttpHandler {
 public:
  using Function = std::function<void(HttpRequest, Respond)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  void handle(HttpRequest request, Respond respond) override {
    function_(std::move(request), std::move(respond));
  }

 private:
  Function function_;
};

inline HttpResponse text_response(std::string body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// Answers "METHOD path body" at once.
inline void echo(HttpRequest request, HttpHandler::Respond respond) {
  respond(text_response(request.method + " " + request.path + " " + request.body));
}

class TestServer {
 public:
  explicit TestServer(FunctionHandler::Function function, HttpServerOptions options = {},
                      std::size_t loop_count = 2)
      : loops(loop_count), handler(std::move(function)) {
    options.port = 0;
    server = std::make_unique<HttpServer>(loops, pool, handler, std::move(options));
    Result<void> started = server->start();
    EXPECT_TRUE(started) << started.error().message;
  }
  ~TestServer() {
    server->stop();
    pool.stop();
  }
  std::uint16_t port() const { return server->port(); }
  const HttpServerCounters& counters() const { return server->counters(); }
  // A task that the pool must accept.
  void submit(runtime::WorkerPool::Task task) { ASSERT_TRUE(pool.try_submit(std::move(task))); }

  runtime::EventLoops loops;
  runtime::WorkerPool pool{{.name = "test", .threads = 4, .queue_max = 64}};
  FunctionHandler handler;
  std::unique_ptr<HttpServer> server;
};

struct ReceivedResponse {
  int status = 0;
  Headers headers;
  std::string body;
  bool complete = false;
};

// A blocking connection. Reads give up after `patience`.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0)
      setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(0, ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address));
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(std::size_t(count));
    }
    return true;
  }
  // How many bytes the socket takes within `patience` while the server does not read.
  std::size_t send_without_waiting(std::string_view bytes, milliseconds patience) {
    std::size_t sent = 0;
    while (sent < bytes.size() && ready(POLLOUT, patience)) {
      const ssize_t count = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent,
                                   MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) break;
      sent += std::size_t(count);
    }
    return sent;
  }
  void shutdown_write() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  void reset() {
    const linger abort{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close();
  }
  // Some more bytes; false at the end of the stream or after `patience`.
  bool receive(milliseconds patience = std::chrono::seconds(10)) {
    if (!ready(POLLIN, patience)) return false;
    char buffer[65536];
    const ssize_t count = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (count <= 0) {
      ended_ = true;
      reset_ = count < 0 && errno == ECONNRESET;
      return false;
    }
    received_.append(buffer, std::size_t(count));
    return true;
  }
  bool ended(milliseconds patience = std::chrono::seconds(10)) {
    while (!ended_ && receive(patience)) {
    }
    return ended_;
  }
  // The next response, including interim ones.
  ReceivedResponse response(bool to_head = false) {
    ReceivedResponse result;
    HttpLimits limits;
    HeadScanner scanner;
    Parsed<std::size_t> length = 0;
    for (;;) {
      length = scanner.scan(received_, limits);
      if (!length || *length > 0 || !receive()) break;
    }
    ResponseHead head;
    if (!length || *length == 0 ||
        !parse_response_head(std::string_view(received_).substr(0, *length), limits, to_head, head))
      return result;
    received_.erase(0, *length);
    BodyDecoder decoder(head.framing, limits);
    while (!decoder.done()) {
      const Parsed<std::size_t> taken = decoder.feed(received_, std::string::npos, result.body);
      if (!taken) return result;
      received_.erase(0, *taken);
      if (!decoder.done() && !receive() && !(ended_ && decoder.finish_at_close())) break;
    }
    result.status = head.status;
    result.headers = std::move(head.headers);
    result.complete = decoder.done();
    return result;
  }
  ReceivedResponse exchange(std::string_view bytes) {
    send(bytes);
    return response();
  }
  const std::string& received() const { return received_; }
  // It ended with a reset.
  bool was_reset() const { return reset_; }

 private:
  bool ready(short events, milliseconds patience) {
    pollfd descriptor{descriptor_, events, 0};
    return ::poll(&descriptor, 1, int(patience.count())) > 0;
  }
  int descriptor_;
  bool reset_ = false;
  std::string received_;
  bool ended_ = false;
};

}  // namespace tidemill::wire
