// The HTTP/1.1 server: one listening socket and one event loop a core (SO_REUSEPORT), keep-alive,
// pipelining (one request at a time, answers in order), streaming bodies both ways with
// back-pressure, TLS, a limit on everything.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "wire/http.h"
#include "wire/http_parser.h"

namespace tidemill::wire {

class TlsContext;

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // an IP address, or a name: its first one
  std::uint16_t port = 4566;          // 0: the system chooses; HttpServer::port() tells
  // When set, a unix socket of that path instead of address and port. A socket file that lies there
  // is replaced; stop() removes it.
  std::string unix_path;
  // When not negative, a socket that is bound already, instead of an address: the server listens on
  // it and owns it.
  int bound_descriptor = -1;
  // PEM files; both empty: plain HTTP.
  std::string tls_certificate_path;
  std::string tls_private_key_path;
  HttpLimits limits;
  // Past it a connection is answered 503 and closed. Before that, at seven eighths of it, those
  // that are idle are closed, the longest idle first, then those whose heads do not come on.
  std::size_t connections_max = 10'000;
  // Body bytes kept before HttpHandler::admit() is called.
  std::size_t unadmitted_body_bytes_max = 16 * 1024;
  // Bytes requested from Admission::keep() at a time.
  std::size_t body_step_bytes = 1u << 20;
  // Request-body bytes that wait for a slow consumer before the socket is read no further.
  std::size_t body_pipe_bytes_max = 256 * 1024;
  // What is read and thrown away of a body whose handler answered without it; past it the
  // connection is closed after the answer.
  std::uint64_t unread_body_bytes_max = 1u << 20;
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
  std::chrono::milliseconds head_timeout = std::chrono::seconds(20);
  // The least rate of a client, over windows of this time, the first of which is its grace: one
  // that sends fewer than slow_body_bytes_min bytes of a body in it, while we are ready to take
  // them, or takes fewer of an answer that waits for it, is cut off (408 where an answer is
  // possible). 1 KiB/s is what the slowest mobile links do.
  std::chrono::milliseconds progress_timeout = std::chrono::seconds(30);
  std::uint64_t slow_body_bytes_min = 30 * 1024;
  // How long stop() lets requests in flight go on.
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);
  std::string server_name = "Tidemill";
  // For the Date field; nullptr: the system's clock.
  const Clock* clock = nullptr;
  // The answer to what is not HTTP or passes a limit: 400, 408, 413, 414, 417, 431, 500, 501, 503,
  // 505. Called on a loop's thread; must not block. nullptr: a line of plain text.
  std::function<HttpResponse(int status, std::string_view reason)> on_bad_request;
};

// Through one job's doors at a time, so that no job takes up what others need; at most about a
// quarter of connections_max.
inline constexpr std::size_t connections_per_job_max = 1024;

// For /_tidemill/metrics. Relaxed counters: each is right, together they are no snapshot.
struct HttpServerCounters {
  std::atomic<std::uint64_t> connections_accepted = 0;
  std::atomic<std::uint64_t> connections_refused = 0;  // over connections_max
  std::atomic<std::uint64_t> connections_shed = 0;     // idle ones, to make room
  std::atomic<std::uint64_t> connections_active = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> requests_active = 0;
  std::atomic<std::uint64_t> requests_bad = 0;  // answered by on_bad_request
  std::atomic<std::uint64_t> timeouts = 0;
  std::atomic<std::uint64_t> bytes_received = 0;
  std::atomic<std::uint64_t> bytes_sent = 0;
};

class HttpServer {
 public:
  // Everything outlives the server; `loops` also outlives every Respond that `handler` still holds
  // (make the loops first, then the pools, then the server). `stream_pool` reads the ByteSources of
  // responses, a piece a task, so a slow client holds no worker.
  HttpServer(runtime::EventLoops& loops, runtime::WorkerPool& stream_pool, HttpHandler& handler,
             HttpServerOptions options);
  ~HttpServer();  // stop()

  // Takes the address, so that port() is known; clients that connect wait until start().
  // Tidemill.Io when the address is taken, Tidemill.Invalid for a bad certificate or address.
  Result<void> bind();
  // Accepts; binds first when bind() was not called.
  Result<void> start();
  // Accepts on one socket more, which listens in a job's own network: what comes through it has
  // HttpRequest::job set. `tls`: what is spoken there; nullptr: plain HTTP. Takes the descriptor.
  // Any thread, but a loop's.
  void add_door(const std::string& job, int listening_descriptor,
                std::shared_ptr<TlsContext> tls = nullptr);
  // Closes the job's doors and every connection that came through them. Any thread; idempotent.
  void remove_door(const std::string& job);
  // Stops accepting, closes idle connections, lets requests finish for stop_grace, then cuts off
  // the rest. Blocks; idempotent; not from a loop's thread.
  void stop();
  std::uint16_t port() const;
  const HttpServerCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::wire
