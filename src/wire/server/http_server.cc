#include "wire/server/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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

Result<Endpoint> parse_endpoint(const std::string& text, std::uint16_t port) {
  Endpoint endpoint;
  auto& v4 = reinterpret_cast<sockaddr_in&>(endpoint.address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(endpoint.address);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    endpoint.length = sizeof v4;
    return endpoint;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    endpoint.length = sizeof v6;
    return endpoint;
  }
  return fail(codes::kInvalid, "\"" + text + "\" is not an IP address to listen on");
}

std::uint16_t bound_port(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Result<int> listen_on(const std::string& address, std::uint16_t port, bool share_port) {
  const Endpoint endpoint = TRY(parse_endpoint(address, port));
  const int descriptor =
      ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share_port) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (descriptor < 0 ||
      ::bind(descriptor, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.length) !=
          0 ||
      ::listen(descriptor, backlog) != 0) {
    const std::string reason = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    return fail(codes::kIo,
                "cannot listen on " + address + " port " + std::to_string(port) + ": " + reason);
  }
  return descriptor;
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
  void stop();

  runtime::EventLoops& loops;
  const std::shared_ptr<ServerShared> shared;  // shared with connections that outlive the server
  std::vector<std::shared_ptr<LoopServer>> servers;
  std::uint16_t port = 0;
};

Result<void> HttpServer::Impl::bind() {
  const HttpServerOptions& options = shared->options;
  // Taken without SO_REUSEPORT first: else two servers would silently share the port.
  int first = TRY(listen_on(options.address, options.port, false));
  port = bound_port(first);
  const int on = 1;
  setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  servers.push_back(std::make_shared<LoopServer>(loops.at(0), shared, first));
  for (std::size_t i = 1; i < loops.size(); ++i) {
    const int next = TRY(listen_on(options.address, port, true));
    servers.push_back(std::make_shared<LoopServer>(loops.at(i), shared, next));
  }
  return {};
}

void HttpServer::Impl::stop() {
  if (servers.empty()) return;
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

Result<void> HttpServer::start() {
  const HttpServerOptions& options = impl_->shared->options;
  if (!options.tls_certificate_path.empty() || !options.tls_private_key_path.empty())
    impl_->shared->tls =
        TRY(TlsContext::load(options.tls_certificate_path, options.tls_private_key_path));
  TRY(impl_->bind());
  impl_->on_every_loop([](LoopServer& server) { server.start_accepting(); });
  return {};
}

void HttpServer::stop() { impl_->stop(); }

std::uint16_t HttpServer::port() const { return impl_->port; }

const HttpServerCounters& HttpServer::counters() const { return impl_->shared->counters; }

}  // namespace tidemill::wire
