// The entrances for requests: the address, the threads, the request chain, the doors of jobs.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <future>

#include "api/all_services.h"
#include "api/service_names.h"
#include "base/log.h"
#include "server/application_parts.h"
#include "server/descriptors.h"
#include "server/transparent/front_page.h"
#include "server/transparent/trust_files.h"
#include "services/sagemaker/common/job_network.h"

namespace tidemill::server {
namespace {

// Jobs and model servers that fetch credentials never queue behind users' calls.
constexpr std::size_t kCredentialThreads = 2;
constexpr std::size_t kCredentialQueueMax = 4096;
constexpr std::size_t kStreamThreads = 4;
constexpr std::size_t kStreamQueueMax = 10'000;

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

// Adds advice to the error for an address on which another process listens.
Result<void> with_port_advice(Result<void> bound, const Address& address) {
  if (bound || !bound.error().message.contains(std::strerror(EADDRINUSE))) return bound;
  const std::string port = std::to_string(address.port);
  bound.error().message += "; `ss -ltnp 'sport = :" + port + "'` shows which process has port " +
                           port + ", perhaps another Tidemill; --listen " + address.host +
                           ":0 takes a free port";
  return bound;
}

Result<Address> parse_address(const std::string& listen) {
  std::size_t colon = listen.rfind(':');
  int port = -1, used = 0;
  if (colon == std::string::npos ||
      std::sscanf(listen.c_str() + colon + 1, "%d%n", &port, &used) != 1 || port < 0 ||
      port > 65535 || colon + 1 + std::size_t(used) != listen.size())
    return fail(codes::kInvalid,
                "listen must be HOST:PORT with a port from 0 to 65535, as 127.0.0.1:4566, not '" +
                    listen + "'");
  Address address{listen.substr(0, colon), std::uint16_t(port)};
  if (address.host == "localhost") address.host = "127.0.0.1";
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

void warn_of_open_doors(const Settings& settings, const Address& address) {
  if (settings.text("auth") != "any" || address.host.starts_with("127.") || address.host == "::1")
    return;
  log::warning(
      "whoever reaches this address may do everything: with auth any, credentials are "
      "not checked",
      {{"listen", settings.text("listen")}, {"help", "use --auth verify, or listen on 127.0.0.1"}});
}

AccessLog access_log_of(const std::string& name) {
  if (name == "all") return AccessLog::all;
  return name == "off" ? AccessLog::off : AccessLog::errors;
}

// The number of connections asked for, or as many as the limit of open files allows.
ConnectionShares connection_shares(const Settings& settings) {
  const std::size_t wanted = std::size_t(settings.number("connections-max"));
  const std::size_t descriptors = raise_descriptor_limit();
  const ConnectionShares shares = share_connections(descriptors, wanted);
  if (shares.clients < wanted)
    log::warning(
        "the limit of open files allows fewer connections than connections-max",
        {{"connections_max", wanted}, {"open_files", descriptors}, {"used", shares.clients}});
  return shares;
}

CallerRules caller_rules(const Settings& settings, const Address& address) {
  CallerRulesOptions options;
  options.any_credentials = settings.text("auth") == "any";
  options.own_hosts = {address.host};
  if (!settings.text("domain").empty()) options.own_hosts.push_back(settings.text("domain"));
  options.allowed_hosts = split_names(settings.text("allowed-hosts"));
  options.allowed_origins = split_names(settings.text("allowed-origins"));
  return CallerRules(std::move(options));
}

wire::HttpServerOptions http_options(const Settings& settings, const Address& address,
                                     const ConnectionShares& shares) {
  wire::HttpServerOptions options;
  options.address = address.host;
  options.port = address.port;
  options.tls_certificate_path = settings.text("tls-certificate");
  options.tls_private_key_path = settings.text("tls-key");
  options.connections_max = shares.clients;
  options.idle_timeout = std::chrono::seconds(settings.number("idle-timeout-seconds"));
  options.stop_grace = std::chrono::seconds(settings.number("stop-grace-seconds"));
  return options;
}

}  // namespace

// Loads the local certificate authority and writes what clients need to trust it.
void Application::Parts::begin_transparent_mode() {
  // The folder is copied: the thread shares nothing with the rest of the start but `authority`.
  const std::filesystem::path folder = authority_folder(data);
  authority_loaded = std::async(std::launch::async, [this, folder]() -> Result<void> {
    authority = TRY(wire::LocalAuthority::load_or_create(folder, clock));
    return {};
  });
}

// Chooses how CONNECT is answered: by the server itself, or with tunnels to other hosts.
Result<void> Application::Parts::open_transparent_mode() {
  TRY(authority_loaded.get());
  trust_files_written = std::async(std::launch::async, [this] {
    return write_trust_files(data, *authority, settings.text("tls-certificate"), clock.now());
  });
  wire::TunnelOptions options;
  options.tunnels_max = shares.tunnels;
  tunnels = std::make_unique<wire::Tunnels>(std::move(options));
  connect_path = std::make_unique<ConnectPath>(
      *authority, *tunnels,
      ConnectOptions{.tunnels_for_loopback = settings.text("tunnel") != "off",
                     .tunnels_for_jobs = settings.text("tunnel") == "jobs"});
  job_doors = TRY(HttpJobDoors::make(*job_http, *job_names, authority.get()));
  compute->serve_through(*job_doors);
  return {};
}

// Runs before the modules open, because they are told the server's address.
Result<void> Application::Parts::take_address() {
  const Address address = TRY(parse_address(settings.text("listen")));
  warn_of_open_doors(settings, address);
  shares = connection_shares(settings);
  loops = std::make_unique<runtime::EventLoops>(std::size_t(settings.number("event-loops")));
  workers = std::make_unique<runtime::WorkerPool>(runtime::WorkerPoolOptions{
      "worker", std::size_t(settings.number("workers")), std::size_t(settings.number("queue"))});
  credential_workers = std::make_unique<runtime::WorkerPool>(
      runtime::WorkerPoolOptions{"credentials", kCredentialThreads, kCredentialQueueMax});
  stream_pool = std::make_unique<runtime::WorkerPool>(
      runtime::WorkerPoolOptions{"stream", kStreamThreads, kStreamQueueMax});
  wire::HttpServerOptions options = http_options(settings, address, shares);
  options.on_bad_request = [this](int status, std::string_view reason) {
    return chain->bad_request(status, reason);
  };
  wire::HttpServerOptions for_jobs = options;
  for_jobs.tls_certificate_path.clear();
  for_jobs.tls_private_key_path.clear();
  for_jobs.connections_max = shares.jobs;
  http = std::make_unique<wire::HttpServer>(*loops, *stream_pool, entrance, std::move(options));
  job_http =
      std::make_unique<wire::HttpServer>(*loops, *stream_pool, entrance, std::move(for_jobs));
  job_names = std::make_unique<wire::NameServer>(*loops, is_job_network_name, shares.names);
  TRY(with_port_advice(http->bind(), address));
  std::string host = address.host == "0.0.0.0" || address.host == "::" ? "127.0.0.1" : address.host;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  addresses.port = http->port();
  addresses.endpoint = (settings.text("tls-key").empty() ? "http://" : "https://") + host + ":" +
                       std::to_string(http->port());
  return open_credentials_door();
}

Result<void> Application::Parts::open_credentials_door() {
  if (services::sagemaker::sdks_trust(addresses.endpoint)) return {};
  credentials_door = std::make_unique<CredentialsDoor>(entrance);
  TRY(credentials_door->open(*loops, *stream_pool, data / "credentials-port", shares.credentials));
  addresses.credentials_url = credentials_door->url();
  return {};
}

Result<void> Application::Parts::open_requests() {
  const Address address = TRY(parse_address(settings.text("listen")));
  wire::RouterOptions routing;
  if (!settings.text("domain").empty()) routing.base_hosts.push_back(settings.text("domain"));
  routing.service_called = api::service_called;
  router = std::make_unique<wire::Router>(api::all_services(), routing);
  wire::sigv4::AuthenticatorOptions authentication;
  if (settings.text("auth") == "any")
    authentication.mode = wire::sigv4::AuthenticatorOptions::Mode::any;
  authentication.default_region = settings.text("region");
  authentication.virtual_host_bucket = [hosts = routing.base_hosts](std::string_view host) {
    return std::string(wire::bucket_of_host(host, hosts));
  };
  authenticator = std::make_unique<wire::sigv4::Authenticator>(platform->use<CredentialSource>(),
                                                               std::move(authentication));

  RequestChainParts parts{*router,     *authenticator, platform->use<services::iam::IamInterface>(),
                          *dispatcher, *workers,       *credential_workers,
                          *loops,      clock,          *random,
                          requests,    metrics};
  parts.connect_path = connect_path.get();
  parts.front_page = [this, hosts = routing.base_hosts](
                         const wire::HttpRequest& request) -> std::optional<wire::HttpResponse> {
    if (!wants_front_page(request) || !wire::bucket_of_host(request.host(), hosts).empty())
      return std::nullopt;
    return front_page(request, {addresses.endpoint, data.string()});
  };
  parts.trouble = [this] { return trouble(); };
  parts.access_log = access_log_of(settings.text("access-log"));
  parts.region = settings.text("region");
  parts.data_folder = data.string();
  parts.callers = caller_rules(settings, address);
  // With any credentials, pages of other origins are refused whatever a bucket says.
  if (settings.text("auth") != "any") {
    bucket_pages = std::make_unique<BucketPages>(platform->use<services::s3::CorsInterface>(),
                                                 routing.base_hosts);
    parts.bucket_pages = bucket_pages.get();
  }
  chain = std::make_unique<RequestChain>(std::move(parts));
  entrance.lead_to(*chain);
  return {};
}

}  // namespace tidemill::server
