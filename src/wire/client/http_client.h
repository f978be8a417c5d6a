// An HTTP/1.1 client for servers on this machine (model servers, containers): asynchronous, with
// kept-alive connections per destination, over TCP and unix-domain sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/shared_budget.h"
#include "runtime/event_loops.h"
#include "runtime/network_namespace.h"
#include "wire/http.h"

namespace tidemill::wire {

class ClientConnection;

// The address of a server: an IP address and port, or a unix socket's path.
struct Destination {
  std::string ip_address;
  std::uint16_t port = 0;
  std::string unix_path;  // when not empty, the other two are unused
  // The network namespace of the address; nullptr: this process's own. Shared with its keeper.
  std::shared_ptr<const runtime::NetworkNamespace> network = {};

  static Destination tcp(std::string address, std::uint16_t tcp_port,
                         std::shared_ptr<const runtime::NetworkNamespace> network = {}) {
    return {std::move(address), tcp_port, {}, std::move(network)};
  }
  static Destination unix_socket(std::string path) { return {{}, 0, std::move(path), {}}; }
  std::string text() const;
  auto operator<=>(const Destination&) const = default;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;  // Host, Content-Length and Connection are added when absent
  std::string body;
  // Allows sending it twice: it is repeated when a kept connection breaks before a byte of the
  // answer came, although the server may have processed it. Always allowed for GET and HEAD.
  bool idempotent = false;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::shared_ptr<const void> held;  // shared with the answer: see ClientLimits::budget
};

struct HttpClientOptions {
  // Per destination and event loop. Beyond the first limit requests wait; beyond the second they
  // fail with Tidemill.Overloaded.
  std::size_t connections_max = 64;
  std::size_t waiting_max = 4096;
  // Shorter than the idle timeouts of the servers: uvicorn and Node wait 5 s.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(4);
  std::size_t head_bytes_max = 64 * 1024;
};

struct ClientLimits {
  // From the call to the last byte of the response.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  std::uint64_t response_bytes_max = 64u << 20;
  // When set, the memory of a response's body beyond its first 64 KiB is taken from this budget
  // under the destination's name, and returned when ClientResponse::held is destroyed. Beyond the
  // budget: Tidemill.Overloaded with HTTP status 429.
  SharedBudget* budget = nullptr;
};

// Callbacks for a response as it arrives: one head, then pieces of the body in order, then one end;
// after a failure only the end. All on one loop's thread.
struct StreamCallbacks {
  std::move_only_function<void(int status, Headers headers)> head;
  std::move_only_function<void(std::string bytes)> chunk;  // never empty
  std::move_only_function<void(Result<void>)> end;         // exactly once
};

struct ClientStreamLimits {
  // From the call to the head; between two pieces while not paused; for the whole response.
  std::chrono::milliseconds head_timeout = std::chrono::seconds(60);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);
  std::chrono::milliseconds timeout = std::chrono::minutes(8);
  std::uint64_t response_bytes_max = 1u << 30;
};

// The handle of a response that arrives in pieces. Any thread; calls on the callbacks' thread act
// at once, others soon. Calls after the end do nothing.
class ResponseStream : public std::enable_shared_from_this<ResponseStream> {
 public:
  explicit ResponseStream(runtime::EventLoop& loop) : loop_(loop) {}
  // Stops reading, so that the server has to wait. When called on another thread, pieces that were
  // already read may still come.
  void pause();
  void resume();
  // Ends with Tidemill.Cancelled and closes the connection, which tells the server.
  void cancel();

 private:
  friend class ClientConnection;
  friend struct Exchange;
  enum class Wish : std::uint8_t { pause, resume, cancel };
  void act(Wish wish);

  runtime::EventLoop& loop_;
  std::weak_ptr<ClientConnection> connection_;  // used on the loop's thread, like all members below
  bool paused_ = false;
  bool cancelled_ = false;
};

class HttpClient {
 public:
  // Errors: Tidemill.Timeout; Tidemill.Io (cannot connect, or the connection broke);
  // Tidemill.Invalid (the answer is not HTTP); Tidemill.Overloaded (response_bytes_max,
  // waiting_max); Tidemill.Cancelled (stop). Any HTTP status is a success.
  using Callback = std::move_only_function<void(Result<ClientResponse>)>;

  // `loops` must outlive the client.
  explicit HttpClient(runtime::EventLoops& loops, HttpClientOptions options = {});
  ~HttpClient();  // calls stop()

  // Any thread. `callback` comes exactly once, on a loop's thread (the caller's own if it is one),
  // never from within request(). A kept connection is checked before its use, and replaced when the
  // server has closed it. A request that may not run twice (see ClientRequest) is never repeated
  // once a byte of it has been sent.
  void request(const Destination& destination, ClientRequest request, ClientLimits limits,
               Callback callback);
  // The same for a response that arrives in pieces. `end` gets the errors listed above. `callbacks`
  // are destroyed after the end.
  std::shared_ptr<ResponseStream> stream(const Destination& destination, ClientRequest request,
                                         ClientStreamLimits limits, StreamCallbacks callbacks);
  // Waits for the answer. Do not call on a loop's thread.
  Result<ClientResponse> request_and_wait(const Destination& destination, ClientRequest request,
                                          ClientLimits limits);
  // Closes kept connections to a destination that is about to go away.
  void forget(const Destination& destination);
  // Fails all current requests. Idempotent; do not call on a loop's thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::wire
