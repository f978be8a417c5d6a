#include "server/job_doors.h"

#include "base/log.h"
#include "wire/proxy/aws_hosts.h"
#include "wire/server/tls_session.h"

namespace tidemill::server {
namespace {

constexpr std::uint16_t kHttpPort = 80, kHttpsPort = 443;

}  // namespace

bool is_job_network_name(std::string_view name) {
  return name == kJobHostName || name == "localhost" || name.ends_with(".localhost") ||
         wire::is_aws_host(name);
}

Result<std::unique_ptr<HttpJobDoors>> HttpJobDoors::make(wire::HttpServer& server,
                                                         wire::NameServer& names,
                                                         wire::LocalAuthority* authority) {
  std::shared_ptr<wire::TlsContext> aws_names;
  if (authority)
    aws_names = TRY(wire::TlsContext::by_name(
        [authority](const std::string& name) -> std::shared_ptr<wire::TlsContext> {
          if (!wire::is_aws_host(name)) return nullptr;
          Result<std::shared_ptr<wire::TlsContext>> found = authority->context_for(name);
          if (found) return *std::move(found);
          log::error("no certificate", {{"host", name}, {"reason", found.error().message}});
          return nullptr;
        }));
  return std::unique_ptr<HttpJobDoors>(new HttpJobDoors(server, names, std::move(aws_names)));
}

Result<void> HttpJobDoors::open(const std::string& job, const runtime::NetworkNamespace& network,
                                std::uint16_t port) {
  close(job);
  Result<void> opened = open_all(job, network, port);
  if (!opened) close(job);
  return opened;
}

// Ports below 1024 are nobody else's: user code has no right to them.
Result<void> HttpJobDoors::open_all(const std::string& job,
                                    const runtime::NetworkNamespace& network, std::uint16_t port) {
  server_.add_door(job, TRY(network.listen_on_loopback(port)).release());
  if (!aws_names_) return {};
  if (port != kHttpPort)
    server_.add_door(job, TRY(network.listen_on_loopback(kHttpPort)).release());
  server_.add_door(job, TRY(network.listen_on_loopback(kHttpsPort)).release(), aws_names_);
  Descriptor datagrams = TRY(network.take_datagrams_on_loopback(wire::dns_port));
  names_.open(job, std::move(datagrams), TRY(network.listen_on_loopback(wire::dns_port)));
  return {};
}

void HttpJobDoors::close(const std::string& job) {
  server_.remove_door(job);
  names_.close(job);
}

}  // namespace tidemill::server
