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

// Where a server listens: an IP address and port, or a unix socket's path.
struct Destination {
  std::string ip_address;
  std::uint16_t port = 0;
  std::string unix_path;  // when not empty, the other two are unused
  // Where the address is meant; nullptr: this process's own network. Shared: with whoever keeps it.
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
  // May run twice: it is sent again when a kept connection breaks before a byte of the answer came,
  // although the server may have worked on it. GET and HEAD always may.
  bool idempotent = false;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::shared_ptr<const void> held;  // shared with the answer: see ClientLimits::budget
};

struct HttpClientOptions {
  // Per destination and event loop. Past the first limit requests wait, past the second they fail
  // with Tidemill.Overloaded.
  std::size_t connections_max = 64;
  std::size_t waiting_max = 4096;
  // Shorter than the idle timeouts of the servers it talks to: uvicorn and Node wait 5 s.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(4);
  std::size_t head_bytes_max = 64 * 1024;
};

struct ClientLimits {
  // From the call to the last byte of the response.
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  std::uint64_t response_bytes_max = 64u << 20;
  // When set, a response's body beyond the first 64 KiB takes its memory from it, under the
  // destination's name, and gives it back when ClientResponse::held goes. Past it:
  // Tidemill.Overloaded with HTTP status 429.
  SharedBudget* budget = nullptr;
};

// What hears of a response while it comes: one head, then pieces of the body in order, then one
// end; after a failure the end alone. All on one loop's thread.
struct StreamCallbacks {
  std::move_only_function<void(int status, Headers headers)> head;
  std::move_only_function<void(std::string bytes)> chunk;  // never empty
  std::move_only_function<void(Result<void>)> end;         // exactly once
};

struct ClientStreamLimits {
  // From the call to the head; between two pieces while it is not paused; in all.
  std::chrono::milliseconds head_timeout = std::chrono::seconds(60);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);
  std::chrono::milliseconds timeout = std::chrono::minutes(8);
  std::uint64_t response_bytes_max = 1u << 30;
};

// The handle of a response that comes in pieces. Any thread; a call from the callbacks' own thread
// acts at once, one from elsewhere soon. Calls after the end do nothing.
class ResponseStream : public std::enable_shared_from_this<ResponseStream> {
 public:
  explicit ResponseStream(runtime::EventLoop& loop) : loop_(loop) {}
  // Reads no more, so that the server feels it; what was read already may still come when the pause
  // was asked for on another thread.
  void pause();
  void resume();
  // Ends with Tidemill.Cancelled; the connection is closed, which is how the server hears of it.
  void cancel();

 private:
  friend class ClientConnection;
  friend struct Exchange;
  enum class Wish : std::uint8_t { pause, resume, cancel };
  void act(Wish wish);

  runtime::EventLoop& loop_;
  std::weak_ptr<ClientConnection> connection_;  // on the loop's thread, as all below
  bool paused_ = false;
  bool cancelled_ = false;
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
  // one), never from within request(). A kept connection is looked at before it is used, and
  // replaced when the server has closed it. Of a request that may not run twice (ClientRequest)
  // nothing is ever sent again once a byte of it went out.
  void request(const Destination& destination, ClientRequest request, ClientLimits limits,
               Callback callback);
  // The same for a response that comes in pieces. Errors as above, from `end`. `callbacks` are
  // destroyed after the end.
  std::shared_ptr<ResponseStream> stream(const Destination& destination, ClientRequest request,
                                         ClientStreamLimits limits, StreamCallbacks callbacks);
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
