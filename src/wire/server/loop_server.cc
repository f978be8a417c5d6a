#include "wire/server/loop_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.h"
#include "wire/server/connection.h"
#include "wire/server/response_head.h"

namespace tidemill::wire {
namespace asio = boost::asio;
namespace {

constexpr int accepts_per_event_max = 64;
constexpr std::chrono::milliseconds accept_retry_delay{100};
// Of connections_max: where shedding begins, and how many go at a time, so that looking for them
// costs little for each.
constexpr std::size_t shed_reserve_divisor = 8;
constexpr std::size_t shed_share_divisor = 32;
// Of connections_max, what one job may have where that is little.
constexpr std::size_t job_share_divisor = 4;
// Whoever has just connected, or is about to send the rest of a head, is left alone.
constexpr std::chrono::milliseconds shed_age_min{20};

std::string address_text(const sockaddr_storage& address) {
  if (address.ss_family == AF_UNIX) return "unix";
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

// A socket that was handed over has a path, and so might be met by others than whoever handed it
// over: only root and this process's own user are answered.
bool may_connect(int descriptor, const HttpServerOptions& options) {
  if (options.bound_descriptor < 0) return true;
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// Often enough that a limit is kept to an eighth of itself, rarely enough to cost nothing.
std::chrono::milliseconds tick_period(const HttpServerOptions& options) {
  const auto shortest =
      std::min({options.idle_timeout, options.head_timeout, options.progress_timeout});
  return std::clamp(shortest / 8, std::chrono::milliseconds(10), std::chrono::milliseconds(500));
}

}  // namespace

HttpResponse ServerShared::bad_request_response(int status, const std::string& reason) const {
  if (options.on_bad_request) return options.on_bad_request(status, reason);
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain");
  response.body = reason + "\n";
  return response;
}

struct LoopServer::Listener {
  Listener(asio::io_context& context, int listening) : descriptor(context, listening) {}
  asio::posix::stream_descriptor descriptor;
};

LoopServer::LoopServer(runtime::EventLoop& event_loop, std::shared_ptr<ServerShared> server_shared,
                       int listening_descriptor, Door door)
    : loop_(event_loop),
      shared_(std::move(server_shared)),
      door_(std::move(door)),
      listener_(std::make_unique<Listener>(event_loop.context(), listening_descriptor)),
      tick_timer_(event_loop),
      accept_timer_(event_loop),
      tick_period_(tick_period(shared_->options)) {}

LoopServer::~LoopServer() = default;

void LoopServer::start_accepting() { wait_for_connections(); }

void LoopServer::wait_for_connections() {
  if (stopping_) return;
  listener_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [self = shared_from_this()](boost::system::error_code error) {
                                     if (!error && !self->stopping_) self->accept_connections();
                                   });
}

void LoopServer::accept_connections() {
  for (int i = 0; i < accepts_per_event_max; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int descriptor =
        ::accept4(listener_->descriptor.native_handle(), reinterpret_cast<sockaddr*>(&address),
                  &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0 && !may_connect(descriptor, shared_->options)) {
      ::close(descriptor);
      continue;
    }
    if (descriptor >= 0) {
      add_connection(descriptor, address_text(address));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    log::error("cannot accept connections", {{"error", std::strerror(errno)}});
    accept_timer_->start(accept_retry_delay, [weak = weak_from_this()] {
      if (std::shared_ptr<LoopServer> self = weak.lock()) self->accept_connections();
    });
    return;
  }
  wait_for_connections();
}

void LoopServer::add_connection(int descriptor, std::string remote_address) {
  HttpServerCounters& counters = shared_->counters;
  counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t active = counters.connections_active.fetch_add(1);
  const std::size_t max = shared_->options.connections_max;
  const std::size_t of_a_job = std::min(connections_per_job_max, max / job_share_divisor + 1);
  const bool job_has_too_many = door_.connections && *door_.connections >= of_a_job;
  const bool has_room = !job_has_too_many &&
                        (active < max - max / shed_reserve_divisor || make_room() || active < max);
  if (!has_room) {
    counters.connections_active.fetch_sub(1);
    refuse_connection(descriptor);
    return;
  }
  auto connection = std::make_shared<Connection>(shared_from_this(), Socket(loop_, descriptor),
                                                 std::move(remote_address));
  connections_.insert(connection);
  if (door_.connections) ++*door_.connections;
  connection->start();
  schedule_tick();
}

// (Nearly) full: this loop's idle connections go, or when it has none, soon those of the others,
// which is false.
bool LoopServer::make_room() {
  if (shed_connections()) return true;
  for (const std::weak_ptr<LoopServer>& weak : shared_->loops) {
    std::shared_ptr<LoopServer> other = weak.lock();
    if (!other || other.get() == this) continue;
    other->loop().post([weak] {
      std::shared_ptr<LoopServer> self = weak.lock();
      if (self && !self->stopping_) (void)self->shed_connections();
    });
  }
  return false;
}

// Closes those that have been idle for longest, then those whose heads do not come on. False when
// there are none of either.
bool LoopServer::shed_connections() {
  const std::size_t max = shared_->options.connections_max;
  std::size_t room = std::max<std::size_t>(1, max / shed_share_divisor);
  const SteadyTime latest = now() - shed_age_min;
  std::vector<std::shared_ptr<Connection>> idle;
  for (const std::shared_ptr<Connection>& connection : connections_)
    if ((connection->idle() || connection->in_head()) && connection->waiting_since() <= latest)
      idle.push_back(connection);
  room = std::min(room, idle.size());
  std::ranges::partial_sort(idle, idle.begin() + std::ptrdiff_t(room), {}, [](const auto& each) {
    return std::pair(each->in_head(), each->waiting_since());
  });
  idle.resize(room);
  for (const std::shared_ptr<Connection>& connection : idle) connection->close();
  shared_->counters.connections_shed.fetch_add(room, std::memory_order_relaxed);
  return room > 0;
}

void LoopServer::refuse_connection(int descriptor) {
  shared_->counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
  if (!tls()) {
    HttpResponse response = shared_->bad_request_response(503, "Too many connections are open.");
    ResponseFraming framing;
    framing.content_length = response.body.size();
    framing.close = true;
    std::string bytes;
    append_response_head(503, response.headers, framing, date(), shared_->options.server_name,
                         bytes);
    bytes += response.body;
    // The send buffer of a new socket takes this whole; taking the request in first keeps the
    // close from becoming a reset that would destroy the answer.
    (void)!::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(descriptor, SHUT_WR);
    char request[4096];
    (void)!::recv(descriptor, request, sizeof request, MSG_DONTWAIT);
  }
  ::close(descriptor);
}

void LoopServer::remove(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  shared_->counters.connections_active.fetch_sub(1);
  if (door_.connections) --*door_.connections;
}

void LoopServer::schedule_tick() {
  if (ticking_ || connections_.empty() || !tick_timer_) return;
  ticking_ = true;
  tick_timer_->start(tick_period_, [weak = weak_from_this()] {
    if (std::shared_ptr<LoopServer> self = weak.lock()) self->tick();
  });
}

void LoopServer::tick() {
  ticking_ = false;
  const SteadyTime time = now();
  // A copy: closing takes connections out of the set.
  const std::vector<std::shared_ptr<Connection>> connections(connections_.begin(),
                                                             connections_.end());
  for (const std::shared_ptr<Connection>& connection : connections)
    connection->check_deadlines(time);
  schedule_tick();
}

void LoopServer::begin_stop() {
  stopping_ = true;
  accept_timer_->cancel();
  boost::system::error_code ignored;
  listener_->descriptor.close(ignored);
  const std::vector<std::shared_ptr<Connection>> connections(connections_.begin(),
                                                             connections_.end());
  for (const std::shared_ptr<Connection>& connection : connections) connection->begin_stop();
}

void LoopServer::finish_stop() {
  const std::vector<std::shared_ptr<Connection>> connections(connections_.begin(),
                                                             connections_.end());
  for (const std::shared_ptr<Connection>& connection : connections) connection->close();
  tick_timer_.reset();
  accept_timer_.reset();
  listener_.reset();
}

std::string_view LoopServer::date() {
  const Timestamp time =
      shared_->options.clock ? shared_->options.clock->now() : shared_->system_clock.now();
  const std::int64_t second = time.microseconds / 1'000'000;
  if (second != date_second_) {
    date_second_ = second;
    date_ = format_http_date(time);
  }
  return date_;
}

}  // namespace tidemill::wire
