#include "server/credentials_door.h"

#include <fstream>

#include "base/log.h"
#include "base/text_file.h"
#include "services/iam/interface.h"

namespace tidemill::server {
namespace {

constexpr std::chrono::seconds kIdleTime{15};

bool is_for_behind(const wire::HttpRequest& request) {
  return request.method == "CONNECT" || !request.tunnel_host.empty() ||
         request.path.starts_with(services::iam::kCredentialsPath);
}

wire::HttpResponse not_found() {
  wire::HttpResponse response;
  response.status = 404;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = "Jobs and shells fetch their role's credentials here, and nothing else.\n";
  return response;
}

}  // namespace

Result<void> CredentialsDoor::open(runtime::EventLoops& loops, runtime::WorkerPool& stream_pool,
                                   const std::filesystem::path& port_file,
                                   std::size_t connections_max) {
  wire::HttpServerOptions options;
  // A caller that holds connections here delays only other users of credentials and tunnels.
  options.connections_max = connections_max;
  options.idle_timeout = kIdleTime;
  int known = 0;
  if (!(std::ifstream(port_file) >> known) || known < 0 || known > 65'535) known = 0;
  options.port = static_cast<std::uint16_t>(known);
  http_ = std::make_unique<wire::HttpServer>(loops, stream_pool, *this, options);
  Result<void> bound = http_->bind();
  if (!bound && known != 0) {
    log::warning("jobs that run already cannot renew their credentials",
                 {{"reason", bound.error().message}});
    options.port = 0;
    http_ = std::make_unique<wire::HttpServer>(loops, stream_pool, *this, options);
    bound = http_->bind();
  }
  TRY(std::move(bound));
  return write_file_atomically(port_file, std::to_string(http_->port()) + "\n", 0600);
}

Result<void> CredentialsDoor::start() { return http_->start(); }

void CredentialsDoor::stop() {
  if (http_) http_->stop();
}

std::string CredentialsDoor::url() const {
  return "http://127.0.0.1:" + std::to_string(http_->port());
}

void CredentialsDoor::handle(wire::HttpRequest request, Respond respond) {
  if (is_for_behind(request)) return behind_.handle(std::move(request), std::move(respond));
  respond(not_found());
}

std::expected<std::unique_ptr<wire::Admission>, wire::HttpResponse> CredentialsDoor::admit(
    const wire::HttpRequest& head) {
  if (is_for_behind(head)) return behind_.admit(head);
  return std::unexpected(not_found());
}

}  // namespace tidemill::server
