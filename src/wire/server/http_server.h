// The HTTP/1.1 server: one listening socket and one event loop per core (SO_REUSEPORT), keep-alive,
// pipelining (one request at a time, answers in order), streaming bodies both ways with
// back-pressure, TLS, and limits on everything.
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
  std::uint16_t port = 4566;          // 0: chosen by the system; see HttpServer::port()
  // If set, the path of a unix socket, used instead of address and port. An existing socket file is
  // replaced; stop() removes the file.
  std::string unix_path;
  // If not negative, a bound socket, used instead of an address: the server listens on it and owns
  // it.
  int bound_descriptor = -1;
  // PEM files; both empty: plain HTTP.
  std::string tls_certificate_path;
  std::string tls_private_key_path;
  HttpLimits limits;
  // Further connections get 503 and are closed. From seven eighths of it on, idle connections are
  // closed, the longest idle first, then those whose heads do not arrive.
  std::size_t connections_max = 10'000;
  // Body bytes kept before HttpHandler::admit() is called.
  std::size_t unadmitted_body_bytes_max = 16 * 1024;
  // Bytes requested from Admission::keep() at a time.
  std::size_t body_step_bytes = 1u << 20;
  // The socket is not read while this many body bytes wait for a slow consumer.
  std::size_t body_pipe_bytes_max = 256 * 1024;
  // How much of an unread body is discarded after its answer; beyond it the connection is closed
  // after the answer.
  std::uint64_t unread_body_bytes_max = 1u << 20;
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
  std::chrono::milliseconds head_timeout = std::chrono::seconds(20);
  // The least rate of a client, per window of this length (the first one is a grace period): a
  // client that sends fewer than slow_body_bytes_min bytes of a body, while we are ready to read,
  // or takes fewer of a waiting answer, is cut off (with 408 where an answer is possible). 1 KiB/s
  // is the rate of the slowest mobile links.
  std::chrono::milliseconds progress_timeout = std::chrono::seconds(30);
  std::uint64_t slow_body_bytes_min = 30 * 1024;
  // How long stop() lets running requests continue.
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);
  std::string server_name = "Tidemill";
  // For the Date field; nullptr: the system's clock.
  const Clock* clock = nullptr;
  // Answers messages that are not HTTP or exceed a limit: 400, 408, 413, 414, 417, 431, 500, 501,
  // 503, 505. Called on a loop's thread; must not block. nullptr: a line of plain text.
  std::function<HttpResponse(int status, std::string_view reason)> on_bad_request;
};

// Limit for one job's doors, so that a job leaves connections for others; at most about a quarter
// of connections_max.
inline constexpr std::size_t connections_per_job_max = 1024;

// For /_tidemill/metrics. Relaxed counters: each is exact, but together not a snapshot.
struct HttpServerCounters {
  std::atomic<std::uint64_t> connections_accepted = 0;
  std::atomic<std::uint64_t> connections_refused = 0;  // beyond connections_max
  std::atomic<std::uint64_t> connections_shed = 0;     // idle ones, closed to make room
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
  // All arguments must outlive the server, and `loops` also every Respond that `handler` holds
  // (make the loops first, then the pools, then the server). `stream_pool` reads the ByteSources of
  // responses, one piece per task, so that a slow client does not occupy a worker.
  HttpServer(runtime::EventLoops& loops, runtime::WorkerPool& stream_pool, HttpHandler& handler,
             HttpServerOptions options);
  ~HttpServer();  // calls stop()

  // Takes the address, so that port() is known; clients that connect wait until start().
  // Tidemill.Io when the address is taken, Tidemill.Invalid for a bad certificate or address.
  Result<void> bind();
  // Accepts connections; binds first if bind() was not called.
  Result<void> start();
  // Also accepts on a socket that listens in a job's own network: its requests have
  // HttpRequest::job set. `tls`: the TLS to speak there; nullptr: plain HTTP. Takes the descriptor.
  // Any thread except a loop's.
  void add_door(const std::string& job, int listening_descriptor,
                std::shared_ptr<TlsContext> tls = nullptr);
  // Closes the job's doors and all their connections. Any thread; idempotent.
  void remove_door(const std::string& job);
  // Stops accepting, closes idle connections, lets requests finish for stop_grace, then cuts off
  // the rest. Blocks; idempotent; do not call on a loop's thread.
  void stop();
  std::uint16_t port() const;
  const HttpServerCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::wire
