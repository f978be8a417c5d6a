#include "server/transparent/connect_path.h"

#include "base/log.h"
#include "wire/proxy/aws_hosts.h"
#include "wire/proxy/tunnel_target.h"
#include "wire/server/upgrade.h"

namespace tidemill::server {
namespace {

using wire::HttpRequest;
using wire::HttpResponse;

constexpr std::uint16_t kHttpsPort = 443;

HttpResponse plain(int status, const std::string& text) {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = text + "\n";
  return response;
}

bool is_loopback(const std::string& remote_address) {
  return remote_address.starts_with("127.") || remote_address.starts_with("[::1]:") ||
         remote_address.starts_with("[::ffff:127.");
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

void ConnectPath::handle(const HttpRequest& request, wire::HttpHandler::Respond respond) {
  if (request.tls)
    return respond(plain(501,
                         "Tidemill answers CONNECT on plain http connections only: give the proxy "
                         "as http://HOST:PORT."));
  if (!request.body.empty() || request.stream) return respond(plain(400, "CONNECT has no body."));
  const std::optional<wire::Authority> target = wire::parse_authority(request.target);
  if (!target) return respond(plain(400, "The target of CONNECT must be HOST:PORT."));
  if (wire::is_aws_host(target->host)) {
    if (target->port != kHttpsPort)
      return respond(plain(403, "Tidemill stands for AWS's host names at port 443 only."));
    Result<std::shared_ptr<wire::TlsContext>> context = authority_.context_for(target->host);
    if (!context) {
      log::error("no certificate", {{"host", target->host}, {"reason", context.error().message}});
      return respond(plain(500, "Tidemill cannot make a certificate; its log has the reason."));
    }
    HttpResponse response;
    response.upgrade = std::make_unique<wire::Upgrade>();
    response.upgrade->tls = *std::move(context);
    response.upgrade->host = wire::lower_case(target->host);
    return respond(std::move(response));
  }
  // A job's door is on loopback, too: of the job's own network.
  if (!request.job.empty() && !options_.tunnels_for_jobs)
    return respond(plain(403,
                         "Jobs reach this server and nothing else: other hosts need its setting "
                         "tunnel=jobs, or job-network=host."));
  if (!is_loopback(request.remote_address))
    return respond(plain(403, "Tidemill opens tunnels for callers on its own machine only."));
  if (!options_.tunnels_for_loopback)
    return respond(plain(403,
                         "This Tidemill server opens no tunnels to other hosts (its setting "
                         "tunnel is off)."));
  tunnels_.open(target->host, target->port, std::move(respond));
}

std::optional<HttpResponse> misdirected(const HttpRequest& request, const CallerRules& callers) {
  const std::string_view host = without_port(request.host());
  if (!request.tunnel_host.empty() && !wire::equal_ignoring_case(host, request.tunnel_host))
    return plain(421, "This connection was opened to " + request.tunnel_host +
                          "; the request names another host.");
  if (request.target.starts_with('/') || request.target == "*") return std::nullopt;
  // Absolute form, as clients send it to a proxy for plain http.
  std::string_view rest = request.target;
  rest.remove_prefix(std::min(rest.size(), rest.find("://") + 3));
  const std::string_view named = without_port(rest.substr(0, rest.find_first_of("/?")));
  if (!wire::equal_ignoring_case(named, host))
    return plain(400, "The request's target and its Host field name different hosts.");
  if (callers.is_own_host(named)) return std::nullopt;
  return plain(
      501,
      "Tidemill is no proxy for plain http; for https it opens tunnels (CONNECT). A name of "
      "this server itself goes into its setting allowed-hosts.");
}

}  // namespace tidemill::server
