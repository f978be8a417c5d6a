// An HTTP/1.1 client for servers on this machine (model servers, containers): asynchronous, with
// kept-alive connections per destination, over TCP and unix-domain sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/event_loops.h"
#include "wire/http.h"

namespace tidemill::wire {

// Where a server listens: an IP address and port, or a unix socket's path.
struct Destination {
  std::string ip_address;
  std::uint16_t port = 0;
  std::string unix_path;  // when not empty, the other two are unused

  static Destination tcp(std::string address, std::uint16_t tcp_port) {
    return {std::move(address), tcp_port, {}};
  }
  static Destination unix_socket(std::string path) { return {{}, 0, std::move(path)}; }
  std::string text() const;
  auto operator<=>(const Destination&) const = default;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // Host, Content-Length and Connection are added when absent
  std::string body;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

struct HttpClientOptions {
  // Per destination and event loop. Past the first limit requests wait, past the second they fail
  // with Tidemill.Overloaded.
  std::size_t connections_max = 64;
  std::size_t waiting_max = 4096;
  // Shorter than the idle timeouts of the servers it talks to.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(30);
  std::size_t head_bytes_max = 64 * 1024;
};

struct ClientLimits {
  // From the call to the last byte of the response.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  std::uint64_t response_bytes_max = 64u << 20;
};

class HttpClient {
 public:
  // Errors: Tidemill.Timeout; Tidemill.Io (cannot connect, or the connection broke);
  // Tidemill.Invalid (the answer is not HTTP); Tidemill.Overloaded (response_bytes_max,
  // waiting_max); Tidemill.Cancelled (stop). Any HTTP status is a success.
  using Callback = std::move_only_function<void(Result<ClientResponse>)>;

  // `loops` outlive the client.
  explicit HttpClient(runtime::EventLoops& loops, HttpClientOptions options = {});
  ~HttpClient();  // stop()

  // Any thread. `callback` comes exactly once, on a loop's thread (the caller's own when it is
  // one), never from within request(). A kept connection that turns out to be closed before a byte
  // of the answer came is replaced once; nothing else is retried.
  void request(const Destination& destination, ClientRequest request, ClientLimits limits,
               Callback callback);
  // Waits for the answer. Not on a loop's thread.
  Result<ClientResponse> request_and_wait(const Destination& destination, ClientRequest request,
                                          ClientLimits limits);
  // Closes kept connections to a destination that is going away.
  void forget(const Destination& destination);
  // Fails what is under way. Idempotent; not on a loop's thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::wire
