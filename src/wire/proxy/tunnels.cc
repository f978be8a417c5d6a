#include "wire/proxy/tunnels.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "runtime/event_loops.h"
#include "wire/http_socket.h"
#include "wire/proxy/tunnel_target.h"
#include "wire/server/upgrade.h"

namespace tidemill::wire {
namespace {

constexpr std::size_t resolver_threads = 4;
constexpr std::size_t lookups_waiting_max = 128;
constexpr std::size_t buffer_bytes = 32 * 1024;  // per direction
constexpr std::size_t addresses_tried_max = 4;

HttpResponse answer(int status, const std::string& reason) {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = reason + "\n";
  return response;
}

// IP addresses as text, in the order to try them; on failure empty, with a reason.
std::vector<std::string> addresses_of(const std::string& host, std::string& reason) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    reason = ::gai_strerror(status);
    return {};
  }
  std::vector<std::string> addresses;
  for (const addrinfo* one = found; one; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0)
      addresses.emplace_back(text);
  }
  ::freeaddrinfo(found);
  return addresses;
}

}  // namespace

class Tunnel;

struct TunnelsState {
  explicit TunnelsState(TunnelOptions tunnel_options) : options(std::move(tunnel_options)) {}
  void refuse(HttpHandler::Respond& respond, int status, const std::string& reason);
  void forget(Tunnel* tunnel);

  const TunnelOptions options;
  std::atomic<std::uint64_t> active = 0, opened = 0, refused = 0, bytes = 0;
  std::mutex mutex;
  std::unordered_set<Tunnel*> tunnels;  // guarded by mutex; each removes itself
  bool stopped = false;                 // guarded by mutex
};

void TunnelsState::refuse(HttpHandler::Respond& respond, int status, const std::string& reason) {
  refused.fetch_add(1, std::memory_order_relaxed);
  log::info("tunnel refused", {{"status", status}, {"reason", reason}});
  respond(answer(status, reason));
}

void TunnelsState::forget(Tunnel* tunnel) {
  std::lock_guard lock(mutex);
  if (tunnels.erase(tunnel) > 0) active.fetch_sub(1, std::memory_order_relaxed);
}

// Lives from the look-up to the end of both directions, on its loop's thread. Its owners are the
// waits on its sockets, then the upgrade on its way to the connection.
class Tunnel final : public SocketEvents, public std::enable_shared_from_this<Tunnel> {
 public:
  Tunnel(std::shared_ptr<TunnelsState> state, runtime::EventLoop& loop, std::string host,
         std::uint16_t port, HttpHandler::Respond respond)
      : state_(std::move(state)),
        loop_(loop),
        host_(std::move(host)),
        port_(port),
        respond_(std::move(respond)),
        up_(*this, client_, server_),
        down_(*this, server_, client_) {}
  ~Tunnel() override { state_->forget(this); }

  runtime::EventLoop& loop() { return loop_; }
  void connect(std::vector<std::string> addresses);
  void refuse(int status, std::string reason);
  void close();

  // The connection to the other host succeeded or failed.
  void on_writable(std::error_code error) override;
  void on_read(std::error_code, std::size_t) override {}

 private:
  // One direction.
  struct Pump final : SocketEvents {
    Pump(Tunnel& owner, std::optional<Socket>& source, std::optional<Socket>& target)
        : tunnel(owner), from(source), to(target) {}
    void read();
    void write();
    void begin_with(std::string bytes);
    void on_read(std::error_code error, std::size_t count) override;
    void on_writable(std::error_code error) override;
    std::shared_ptr<SocketEvents> events() {
      return std::shared_ptr<SocketEvents>(tunnel.shared_from_this(), this);
    }
    Tunnel& tunnel;
    std::optional<Socket>& from;
    std::optional<Socket>& to;
    std::array<char, buffer_bytes> buffer;
    std::size_t size = 0, sent = 0;
    std::string early;  // bytes after the request's head, sent before all else
    bool ended = false;
  };

  void try_next();
  void begin(Socket client, std::string early_bytes);
  void watch(std::chrono::milliseconds timeout);

  const std::shared_ptr<TunnelsState> state_;
  runtime::EventLoop& loop_;
  const std::string host_;
  const std::uint16_t port_;
  HttpHandler::Respond respond_;
  std::optional<Socket> client_, server_;
  Pump up_, down_;
  std::vector<std::string> addresses_;  // not tried yet; the next one is last
  std::string last_failure_;
  std::optional<runtime::Timer> timer_;
  std::chrono::steady_clock::time_point touched_;
  bool connected_ = false;
  bool closed_ = false;
};

void Tunnel::connect(std::vector<std::string> addresses) {
  if (closed_) return;
  if (addresses.size() > addresses_tried_max) addresses.resize(addresses_tried_max);
  std::ranges::reverse(addresses);
  addresses_ = std::move(addresses);
  try_next();
}

void Tunnel::try_next() {
  if (addresses_.empty())
    return refuse(502, "Tidemill cannot connect to " + host_ + ": " + last_failure_ + ".");
  const std::string address = std::move(addresses_.back());
  addresses_.pop_back();
  if (std::optional<std::string> refusal = state_->options.refusal(address))
    return refuse(403, "Tidemill opens no tunnel to " + host_ + ": " + address + " is " + *refusal +
                           ". Name it in NO_PROXY to reach it directly.");
  server_.emplace(loop_);
  watch(state_->options.connect_timeout / (addresses_.size() + 1));
  server_->async_connect_tcp(address, port_, shared_from_this());
}

void Tunnel::on_writable(std::error_code error) {
  if (closed_ || connected_) return;
  if (error) {
    last_failure_ = error == std::errc::operation_canceled ? "no answer in time" : error.message();
    server_->close();
    return try_next();
  }
  connected_ = true;
  timer_.reset();
  HttpResponse response;
  response.upgrade = std::make_unique<Upgrade>();
  response.upgrade->take = [self = shared_from_this()](Socket client, std::string early_bytes) {
    self->begin(std::move(client), std::move(early_bytes));
  };
  std::exchange(respond_, nullptr)(std::move(response));
}

void Tunnel::begin(Socket client, std::string early_bytes) {
  if (closed_) return;
  client_.emplace(std::move(client));
  state_->opened.fetch_add(1, std::memory_order_relaxed);
  touched_ = std::chrono::steady_clock::now();
  watch(state_->options.idle_timeout);
  down_.read();
  up_.begin_with(std::move(early_bytes));
}

// Before the connection is made: ends the attempt. Later: ends an idle tunnel.
void Tunnel::watch(std::chrono::milliseconds timeout) {
  if (!timer_) timer_.emplace(loop_);
  timer_->start(timeout, [weak = weak_from_this(), timeout] {
    std::shared_ptr<Tunnel> self = weak.lock();
    if (!self || self->closed_) return;
    if (!self->connected_) {
      self->server_->close();  // on_writable() gets the error
      return;
    }
    const auto idle = std::chrono::steady_clock::now() - self->touched_;
    if (idle >= timeout) return self->close();
    self->watch(self->state_->options.idle_timeout);
  });
}

void Tunnel::refuse(int status, std::string reason) {
  if (respond_) {
    HttpHandler::Respond respond = std::exchange(respond_, nullptr);
    state_->refuse(respond, status, reason);
  }
  close();
}

void Tunnel::close() {
  if (closed_) return;
  closed_ = true;
  timer_.reset();
  if (client_) client_->close();
  if (server_) server_->close();
}

void Tunnel::Pump::read() { from->async_read({buffer.data(), buffer.size()}, events()); }

void Tunnel::Pump::begin_with(std::string bytes) {
  early = std::move(bytes);
  early.empty() ? read() : write();
}

void Tunnel::Pump::on_read(std::error_code error, std::size_t count) {
  if (tunnel.closed_) return;
  if (error) return tunnel.close();
  tunnel.touched_ = std::chrono::steady_clock::now();
  if (count == 0) {
    ended = true;
    to->shutdown_write();
    if (tunnel.up_.ended && tunnel.down_.ended) tunnel.close();
    return;
  }
  size = count;
  sent = 0;
  write();
}

// Sends early bytes, then the buffer; reads again once all is sent: slow readers slow senders.
void Tunnel::Pump::write() {
  for (;;) {
    const std::string_view rest =
        early.empty() ? std::string_view(buffer.data() + sent, size - sent) : early;
    if (rest.empty()) return read();
    const Socket::Sent result = to->send(rest);
    if (result.error) return tunnel.close();
    if (result.blocked) return to->async_wait_writable(events());
    tunnel.state_->bytes.fetch_add(result.count, std::memory_order_relaxed);
    if (early.empty())
      sent += result.count;
    else
      early.erase(0, result.count);
  }
}

void Tunnel::Pump::on_writable(std::error_code error) {
  if (tunnel.closed_) return;
  if (error) return tunnel.close();
  tunnel.touched_ = std::chrono::steady_clock::now();
  write();
}

Tunnels::Tunnels(TunnelOptions options)
    : state_(std::make_shared<TunnelsState>(std::move(options))),
      resolvers_({"resolve", resolver_threads, lookups_waiting_max}) {}

Tunnels::~Tunnels() { stop(); }

void Tunnels::open(std::string host, std::uint16_t port, HttpHandler::Respond respond) {
  runtime::EventLoop& loop = *runtime::EventLoop::current();
  std::shared_ptr<Tunnel> tunnel;
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->stopped && state_->tunnels.size() < state_->options.tunnels_max) {
      tunnel = std::make_shared<Tunnel>(state_, loop, host, port, std::move(respond));
      state_->tunnels.insert(tunnel.get());
      state_->active.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (!tunnel)
    return state_->refuse(respond, 503,
                          "Tidemill has " + std::to_string(state_->options.tunnels_max) +
                              " tunnels open, as many as it opens; try again.");
  runtime::WorkerPool::Task look_up = [tunnel, host = std::move(host)]() mutable {
    std::string reason;
    std::vector<std::string> addresses = addresses_of(host, reason);
    runtime::EventLoop& its_loop = tunnel->loop();
    its_loop.post([tunnel = std::move(tunnel), addresses = std::move(addresses),
                   reason = std::move(reason), host = std::move(host)]() mutable {
      if (addresses.empty())
        return tunnel->refuse(502, "Tidemill cannot find " + host + ": " + reason + ".");
      tunnel->connect(std::move(addresses));
    });
  };
  if (!resolvers_.try_submit(std::move(look_up)))
    tunnel->refuse(503, "Too many names are being looked up; try again.");
}

void Tunnels::stop() {
  resolvers_.stop();
  std::vector<std::shared_ptr<Tunnel>> open;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    for (Tunnel* tunnel : state_->tunnels)
      if (std::shared_ptr<Tunnel> held = tunnel->weak_from_this().lock())
        open.push_back(std::move(held));
  }
  for (const std::shared_ptr<Tunnel>& tunnel : open)
    tunnel->loop().run_and_wait([&tunnel] { tunnel->close(); });
}

TunnelCounts Tunnels::counts() const {
  return {state_->active, state_->opened, state_->refused, state_->bytes};
}

}  // namespace tidemill::wire
