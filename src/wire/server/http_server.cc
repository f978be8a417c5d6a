#include "wire/server/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "wire/server/loop_server.h"

namespace tidemill::wire {
namespace {

constexpr int backlog = 1024;

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

// An IP address or a name such as "localhost" (its first address).
Result<Endpoint> resolve(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0)
    return fail(codes::kInvalid, "cannot listen on \"" + address + "\": " + ::gai_strerror(status));
  Endpoint endpoint;
  endpoint.length = found->ai_addrlen;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return endpoint;
}

void set_port(Endpoint& endpoint, std::uint16_t port) {
  if (endpoint.address.ss_family == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(endpoint.address).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in&>(endpoint.address).sin_port = htons(port);
}

std::uint16_t bound_port(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// The first socket binds before it allows sharing, or two servers could silently share the port.
// All allow it before they listen, so that the kernel spreads connections over them.
Result<int> listen_on(const Endpoint& endpoint, bool first) {
  const int descriptor =
      ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int on = 1;
  auto allow = [&](int option) { setsockopt(descriptor, SOL_SOCKET, option, &on, sizeof on); };
  allow(SO_REUSEADDR);
  if (!first) allow(SO_REUSEPORT);
  bool listening =
      descriptor >= 0 && ::bind(descriptor, reinterpret_cast<const sockaddr*>(&endpoint.address),
                                endpoint.length) == 0;
  if (listening && first) allow(SO_REUSEPORT);
  listening = listening && ::listen(descriptor, backlog) == 0;
  if (listening) return descriptor;
  const std::string reason = std::strerror(errno);
  if (descriptor >= 0) ::close(descriptor);
  return fail(codes::kIo, reason);
}

// One socket: the kernel does not spread connections over several unix sockets. It listens under
// another name first: whoever sees `path` can connect.
Result<int> listen_on_path(const std::string& path) {
  const std::string draft = path + ".new";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (draft.size() >= sizeof address.sun_path)
    return fail(codes::kInvalid,
                "the path is longer than " +
                    std::to_string(sizeof address.sun_path - 1 - (draft.size() - path.size())) +
                    " bytes");
  draft.copy(address.sun_path, sizeof address.sun_path - 1);
  struct stat status{};
  for (const std::string& left : {draft, path}) {
    if (::lstat(left.c_str(), &status) != 0) continue;
    if (!S_ISSOCK(status.st_mode)) return fail(codes::kIo, left + " exists and is not a socket");
    ::unlink(left.c_str());
  }
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor >= 0 &&
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(descriptor, backlog) == 0 && ::rename(draft.c_str(), path.c_str()) == 0)
    return descriptor;
  const std::string reason = std::strerror(errno);
  if (descriptor >= 0) ::close(descriptor);
  return fail(codes::kIo, reason);
}

}  // namespace

struct HttpServer::Impl {
  Impl(runtime::EventLoops& event_loops, runtime::WorkerPool& stream_pool, HttpHandler& handler,
       HttpServerOptions options)
      : loops(event_loops),
        shared(std::make_shared<ServerShared>(stream_pool, handler, std::move(options))) {}

  // Runs `action` on every loop and waits for all of them.
  template <class Action>
  void on_every_loop(Action action) {
    for (const std::shared_ptr<LoopServer>& server : servers)
      server->loop().run_and_wait([&] { action(*server); });
  }

  Result<void> bind();
  Result<void> bind_path(const std::string& path);
  Result<void> share(int listening, const std::string& where);
  void add(std::size_t loop, int listening);
  void add_door(const std::string& job, int listening_descriptor, std::shared_ptr<TlsContext> tls);
  void remove_door(const std::string& job);
  void stop();

  runtime::EventLoops& loops;
  const std::shared_ptr<ServerShared> shared;  // shared: connections may outlive the server
  std::vector<std::shared_ptr<LoopServer>> servers;
  std::uint16_t port = 0;

  std::mutex doors_mutex;
  // The doors of each job, all on one loop. Guarded by doors_mutex.
  std::map<std::string, std::vector<std::shared_ptr<LoopServer>>> doors;
  std::size_t loops_given = 0;  // guarded by doors_mutex
  bool no_more_doors = false;   // stop() has begun; guarded by doors_mutex
};

Result<void> HttpServer::Impl::bind() {
  const HttpServerOptions& options = shared->options;
  if (options.bound_descriptor >= 0) {
    const int bound = options.bound_descriptor;
    if (::fcntl(bound, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(bound, F_SETFL, O_NONBLOCK) != 0 ||
        ::listen(bound, backlog) != 0)
      return fail(codes::kIo, "cannot listen on the socket that was handed over: " +
                                  std::string(std::strerror(errno)));
    return share(bound, "the socket that was handed over");
  }
  if (!options.unix_path.empty()) return bind_path(options.unix_path);
  Endpoint endpoint = TRY(resolve(options.address, options.port));
  for (std::size_t i = 0; i < loops.size(); ++i) {
    Result<int> descriptor = listen_on(endpoint, i == 0);
    if (!descriptor) {
      descriptor.error().message = "cannot listen on " + options.address + " port " +
                                   std::to_string(options.port) + ": " + descriptor.error().message;
      return fail(std::move(descriptor).error());
    }
    add(i, *descriptor);
    if (i > 0) continue;
    port = bound_port(*descriptor);
    set_port(endpoint, port);
  }
  return {};
}

Result<void> HttpServer::Impl::bind_path(const std::string& path) {
  Result<int> first = listen_on_path(path);
  if (!first) return fail(codes::kIo, "cannot listen on " + path + ": " + first.error().message);
  return share(*first, path);
}

// Every loop accepts from a duplicate of one socket.
Result<void> HttpServer::Impl::share(int listening, const std::string& where) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    const int descriptor = i == 0 ? listening : ::fcntl(listening, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0)
      return fail(codes::kIo, "cannot listen on " + where + ": " + std::strerror(errno));
    add(i, descriptor);
  }
  return {};
}

// Call before any loop accepts; later the list of loops is only read.
void HttpServer::Impl::add(std::size_t loop, int listening) {
  servers.push_back(std::make_shared<LoopServer>(loops.at(loop), shared, listening));
  shared->loops.push_back(servers.back());
}

// One loop per job: there are many jobs, each with few connections.
void HttpServer::Impl::add_door(const std::string& job, int listening_descriptor,
                                std::shared_ptr<TlsContext> tls) {
  std::shared_ptr<LoopServer> door;
  {
    std::lock_guard lock(doors_mutex);
    if (no_more_doors) {
      ::close(listening_descriptor);
      return;
    }
    std::vector<std::shared_ptr<LoopServer>>& others = doors[job];
    runtime::EventLoop& loop =
        others.empty() ? loops.at(loops_given++ % loops.size()) : others.front()->loop();
    Door of{job, std::move(tls),
            others.empty() ? std::make_shared<std::size_t>(0) : others.front()->door().connections};
    door = std::make_shared<LoopServer>(loop, shared, listening_descriptor, std::move(of));
    others.push_back(door);
  }
  door->loop().post([door] { door->start_accepting(); });
}

void HttpServer::Impl::remove_door(const std::string& job) {
  std::vector<std::shared_ptr<LoopServer>> removed;
  {
    std::lock_guard lock(doors_mutex);
    const auto found = doors.find(job);
    if (found == doors.end()) return;
    removed = std::move(found->second);
    doors.erase(found);
  }
  for (std::shared_ptr<LoopServer>& door : removed)
    door->loop().post([door] {
      door->begin_stop();
      door->finish_stop();
    });
}

void HttpServer::Impl::stop() {
  {
    // From now on they are stopped with the others.
    std::lock_guard lock(doors_mutex);
    no_more_doors = true;
    for (auto& [job, of_job] : doors)
      for (std::shared_ptr<LoopServer>& door : of_job) servers.push_back(std::move(door));
    doors.clear();
  }
  if (servers.empty()) return;
  if (!shared->options.unix_path.empty()) ::unlink(shared->options.unix_path.c_str());
  on_every_loop([](LoopServer& server) { server.begin_stop(); });
  const auto deadline = std::chrono::steady_clock::now() + shared->options.stop_grace;
  while (shared->counters.connections_active.load() > 0 &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  on_every_loop([](LoopServer& server) { server.finish_stop(); });
  servers.clear();
}

HttpServer::HttpServer(runtime::EventLoops& loops, runtime::WorkerPool& stream_pool,
                       HttpHandler& handler, HttpServerOptions options)
    : impl_(std::make_unique<Impl>(loops, stream_pool, handler, std::move(options))) {}

HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::bind() {
  const HttpServerOptions& options = impl_->shared->options;
  if (!options.tls_certificate_path.empty() || !options.tls_private_key_path.empty())
    impl_->shared->tls =
        TRY(TlsContext::load(options.tls_certificate_path, options.tls_private_key_path));
  return impl_->bind();
}

Result<void> HttpServer::start() {
  if (impl_->servers.empty()) TRY(bind());
  impl_->on_every_loop([](LoopServer& server) { server.start_accepting(); });
  return {};
}

void HttpServer::stop() { impl_->stop(); }

void HttpServer::add_door(const std::string& job, int listening_descriptor,
                          std::shared_ptr<TlsContext> tls) {
  impl_->add_door(job, listening_descriptor, std::move(tls));
}

void HttpServer::remove_door(const std::string& job) { impl_->remove_door(job); }

std::uint16_t HttpServer::port() const { return impl_->port; }

const HttpServerCounters& HttpServer::counters() const { return impl_->shared->counters; }

}  // namespace tidemill::wire
