// The server's part on one event loop: its listening socket, its connections, their deadlines.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "runtime/event_loops.h"
#include "wire/server/http_server.h"
#include "wire/server/tls_session.h"

namespace tidemill::wire {

class Connection;
class LoopServer;

using SteadyTime = std::chrono::steady_clock::time_point;

// What all loops share. shared_ptr-owned: a connection may outlive the server as long as a handler
// holds its Respond.
struct ServerShared {
  ServerShared(runtime::WorkerPool& pool, HttpHandler& http_handler,
               HttpServerOptions server_options)
      : stream_pool(pool), handler(http_handler), options(std::move(server_options)) {}
  runtime::WorkerPool& stream_pool;
  HttpHandler& handler;
  HttpServerOptions options;
  SystemClock system_clock;
  std::unique_ptr<TlsContext> tls;  // nullptr: plain HTTP
  HttpServerCounters counters;
  // Every loop's part, to ask the others for room; weak: each loop's part owns itself.
  std::vector<std::weak_ptr<LoopServer>> loops;

  HttpResponse bad_request_response(int status, const std::string& reason) const;
};

// What tells a door in a job's network from the server's own address.
struct Door {
  std::string job;                  // "" for the server's own address
  std::shared_ptr<TlsContext> tls;  // nullptr: as the server; shared: with the job's other doors
  // Through all doors of the job; on its loop's thread. nullptr for the server's own address.
  std::shared_ptr<std::size_t> connections;
};

// Lives on its loop's thread, its constructor excepted.
class LoopServer : public std::enable_shared_from_this<LoopServer> {
 public:
  LoopServer(runtime::EventLoop& event_loop, std::shared_ptr<ServerShared> server_shared,
             int listening_descriptor, Door door = {});
  ~LoopServer();

  void start_accepting();
  // Stops accepting and closes what is idle; connections with a request in flight close after it.
  void begin_stop();
  // Closes whatever is left; what remains may be destroyed on any thread.
  void finish_stop();

  runtime::EventLoop& loop() { return loop_; }
  ServerShared& shared() { return *shared_; }
  bool stopping() const { return stopping_; }
  const Door& door() const { return door_; }
  // nullptr: plain HTTP.
  TlsContext* tls() const { return door_.tls ? door_.tls.get() : shared_->tls.get(); }
  // The time of the last tick or event: exact to tick_, cheap.
  SteadyTime now() const { return std::chrono::steady_clock::now(); }
  std::string_view date();
  void remove(const std::shared_ptr<Connection>& connection);

 private:
  struct Listener;
  void wait_for_connections();
  void accept_connections();
  void add_connection(int descriptor, std::string remote_address);
  void refuse_connection(int descriptor);
  bool make_room();
  bool shed_connections();
  void schedule_tick();
  void tick();

  runtime::EventLoop& loop_;
  const std::shared_ptr<ServerShared> shared_;
  const Door door_;
  std::unique_ptr<Listener> listener_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::optional<runtime::Timer> tick_timer_;
  std::optional<runtime::Timer> accept_timer_;  // waits out a shortage of descriptors
  std::chrono::milliseconds tick_period_;
  bool ticking_ = false;
  bool stopping_ = false;
  std::int64_t date_second_ = -1;
  std::string date_;
};

}  // namespace tidemill::wire
