#include "server/application.h"

#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "api/all_services.h"
#include "api/service_names.h"
#include "base/boot_clock.h"
#include "base/json.h"
#include "base/log.h"
#include "compute/process/process_compute.h"
#include "engine/make_engine.h"
#include "runtime/signals.h"
#include "server/application_parts.h"
#include "server/coverage_table.h"
#include "server/descriptors.h"
#include "server/file.h"
#include "server/interpreter.h"
#include "server/job_surroundings.h"
#include "server/transparent/front_page.h"
#include "server/transparent/trust_files.h"
#include "server/version.h"
#include "services/sagemaker/held_describe.h"
#include "services/sagemaker/job_network.h"
#include "services/sagemaker/role_s3.h"
#include "store/identity.h"
#include "store/sqlite/sqlite_store.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

constexpr std::size_t kStreamThreads = 4;
constexpr std::size_t kStreamQueueMax = 10'000;
constexpr std::chrono::seconds kModelsSweepInterval{10};
constexpr std::chrono::hours kQuarantineInterval{1};
constexpr std::chrono::seconds kFolderWatchInterval{5};

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

// Adds what to do to the error of an address that another process listens on.
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
                "listen must be HOST:PORT, as 127.0.0.1:4566, not '" + listen + "'");
  Address address{listen.substr(0, colon), std::uint16_t(port)};
  if (address.host == "localhost") address.host = "127.0.0.1";
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  return name == "error" ? log::Level::error : log::Level::info;
}

AccessLog access_log_of(const std::string& name) {
  if (name == "all") return AccessLog::all;
  return name == "off" ? AccessLog::off : AccessLog::errors;
}

// As many connections as were asked for, or as the limit of open files allows.
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

Application::Parts::~Parts() {
  // No new requests, then no waiting handlers, then no new effects; jobs go on under their shims.
  background.stop();
  if (chain) chain->request_stop();
  if (http) http->stop();
  if (job_http) job_http->stop();
  if (credentials_door) credentials_door->stop();
  if (tunnels) tunnels->stop();
  if (health) health->stop();
  if (fleets) fleets->cancel();
  if (endpoints) endpoints->stop();
  if (asynchronous) asynchronous->stop();
  if (engine) engine->stop();
  if (compute) compute->stop_watching();
  if (workers) workers->stop();
  if (stream_pool) stream_pool->stop();
  inference.reset();
  if (loops) loops->stop();
  if (recorder) recorder->stop();
  std::error_code ignored;
  if (announced) filesystem::remove(data / "server.json", ignored);
}

Result<void> Application::Parts::open_state() {
  std::error_code error;
  data = filesystem::absolute(settings.text("data"));
  filesystem::create_directories(data, error);
  if (error)
    return fail(codes::kIo,
                "cannot make the data folder " + data.string() + ": " + error.message());
  // Jobs get their own folders mounted; where there are no mount namespaces compute/ opens the way.
  ::chmod(data.c_str(), 0700);

  store = TRY(
      store::open_sqlite_store({.path = data / "state" / "tidemill.db", .tables = all_tables()}));
  store::Identity identity = TRY(store::load_identity(*store, *random));
  blobs::BlobOptions options{.directory = (data / "blobs").string()};
  options.database = {identity.id, !identity.settled,
                      TRY(store::has_records(*store, all_tables()))};
  blobs = TRY(blobs::open_blob_store(std::move(options), *random));
  TRY(store::settle_identity(*store, identity));
  TRY(watch_folders());
  compute = TRY(compute::make_process_compute(
      {.directory = (data / "jobs").string(),
       .shim_command = {"/proc/self/exe", "shim"},
       .complete = [this](compute::JobSpec& job) { add_transparent_mode(job, data); }},
      clock));
  durations =
      std::make_unique<BootClock>(BootClock::open((data / "state" / "clock.json").string(), clock));
  engine = engine::make_engine(*store, clock, *durations, *random, {}, data.string());
  return {};
}

// What the server goes on using by open descriptors when somebody removes it.
Result<void> Application::Parts::watch_folders() {
  for (const char* path : {"", "/state", "/state/tidemill.db", "/blobs"})
    folders.push_back(TRY(FileIdentity::of(data.string() + path)));
  return {};
}

std::string Application::Parts::trouble() const {
  for (const FileIdentity& folder : folders)
    if (Result<void> there = folder.check(); !there) return there.error().message;
  return "";
}

Result<void> Application::Parts::open_identity() {
  services::iam::RootKey root =
      TRY(services::iam::load_or_create_root_key(data / "root-key.json", *random));
  iam = TRY(services::iam::IamService::open(
      *store, clock, *random, {.root = root, .accept_any = settings.text("auth") == "any"}));
  TRY(iam->make_execution_role());
  return {};
}

// The local certificate authority, what clients need to trust it, and tunnels to other hosts.
Result<void> Application::Parts::open_transparent_mode() {
  authority = TRY(wire::LocalAuthority::load_or_create(authority_folder(data), clock));
  TRY(write_trust_files(data, *authority, settings.text("tls-certificate"), clock.now()));
  tunnels = std::make_unique<wire::Tunnels>(wire::TunnelOptions());
  connect_path = std::make_unique<ConnectPath>(
      *authority, *tunnels,
      ConnectOptions{.tunnels_for_loopback = settings.text("tunnel") != "off",
                     .tunnels_for_jobs = settings.text("tunnel") == "jobs"});
  return {};
}

// What is captured of invocations goes to S3 under the model's role.
void Application::Parts::make_recorder() {
  s3 = std::make_unique<services::s3::S3Service>(*store, *blobs, clock, *random);
  services::sagemaker_runtime::RecorderOptions options;
  options.directory = (data / "capture").string();
  options.durable = settings.text("capture") == "durable";
  options.may_put = [this](const std::string& role, const std::string& object) {
    return static_cast<services::iam::IamInterface&>(*iam).authorize_role(
        role, services::sagemaker::kRoleSessionName, "s3:PutObject", object);
  };
  recorder =
      std::make_unique<services::sagemaker_runtime::Recorder>(*s3, *random, std::move(options));
}

// Before the services: jobs are told where the server is.
Result<void> Application::Parts::take_address() {
  Address address = TRY(parse_address(settings.text("listen")));
  loops = std::make_unique<runtime::EventLoops>(std::size_t(settings.number("event-loops")));
  workers = std::make_unique<runtime::WorkerPool>(runtime::WorkerPoolOptions{
      "worker", std::size_t(settings.number("workers")), std::size_t(settings.number("queue"))});
  stream_pool = std::make_unique<runtime::WorkerPool>(
      runtime::WorkerPoolOptions{"stream", kStreamThreads, kStreamQueueMax});
  using services::sagemaker_runtime::InferenceLimits;
  inference = std::make_unique<services::sagemaker_runtime::Inference>(
      routes, *loops, clock,
      settings.text("strict-aws") == "on" ? InferenceLimits::aws() : InferenceLimits{},
      recorder.get());
  inference_operation = std::make_unique<InferenceOperation>(*inference);

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
  authenticator =
      std::make_unique<wire::sigv4::Authenticator>(iam->credentials(), std::move(authentication));

  RequestChainParts parts{*router,  *authenticator, *iam,  *iam,    registry,
                          *workers, *loops,         clock, *random, metrics};
  parts.async_operation = inference_operation.get();
  parts.connect_path = connect_path.get();
  parts.front_page = [this, hosts = routing.base_hosts](
                         const wire::HttpRequest& request) -> std::optional<wire::HttpResponse> {
    if (!wants_front_page(request) || !wire::bucket_of_host(request.host(), hosts).empty())
      return std::nullopt;
    return front_page(request, {endpoint, settings.text("data")});
  };
  parts.further_metrics = [this] { return further_metrics(); };
  parts.trouble = [this] { return trouble(); };
  parts.access_log = access_log_of(settings.text("access-log"));
  parts.region = settings.text("region");
  parts.data_folder = data.string();
  parts.callers = caller_rules(settings, address);
  services::sagemaker::HeldDescribes::share_workers(workers->threads());
  chain = std::make_unique<RequestChain>(std::move(parts));
  const ConnectionShares shares = connection_shares(settings);
  wire::HttpServerOptions options = http_options(settings, address, shares);
  options.on_bad_request = [this](int status, std::string_view reason) {
    return chain->bad_request(status, reason);
  };
  wire::HttpServerOptions for_jobs = options;
  for_jobs.tls_certificate_path.clear();
  for_jobs.tls_private_key_path.clear();
  for_jobs.connections_max = shares.jobs;
  http = std::make_unique<wire::HttpServer>(*loops, *stream_pool, *chain, std::move(options));
  job_http = std::make_unique<wire::HttpServer>(*loops, *stream_pool, *chain, std::move(for_jobs));
  job_doors = std::make_unique<HttpJobDoors>(*job_http);
  compute->serve_through(*job_doors);
  TRY(with_port_advice(http->bind(), address));
  std::string host = address.host == "0.0.0.0" || address.host == "::" ? "127.0.0.1" : address.host;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  endpoint = (settings.text("tls-key").empty() ? "http://" : "https://") + host + ":" +
             std::to_string(http->port());
  if (services::sagemaker::sdks_trust(endpoint)) return {};
  credentials_door = std::make_unique<CredentialsDoor>(*chain);
  return credentials_door->open(*loops, *stream_pool, data / "credentials-port",
                                shares.credentials);
}

Result<void> Application::Parts::run() {
  TRY(s3->start());
  TRY(recorder->start());
  TRY(engine->start());
  TRY(compute->start(sagemaker->jobs()));
  endpoints->start();
  health->start();
  TRY(asynchronous->start());
  TRY(http->start());
  if (credentials_door) TRY(credentials_door->start());
  background.spawn("interpreter", [this](std::stop_token stop) { log_interpreter(python, stop); });
  repeat("logs-sweep", services::logs::LogsService::kSweepInterval, [this] {
    if (Result<std::size_t> swept = logs->periodic_sweep(); !swept)
      log::warning("log retention sweep failed", {{"reason", swept.error().message}});
  });
  repeat("blobs-quarantine", kQuarantineInterval, [this] { blobs->delete_expired(clock.now()); });
  repeat("folder-watch", kFolderWatchInterval, [this, last = std::string()]() mutable {
    std::string now = trouble();
    if (now == last) return;
    if (now.empty())
      log::info("the data folder is back");
    else
      log::error("the data folder is gone", {{"reason", now}, {"path", data.string()}});
    last = std::move(now);
  });
  repeat("models-sweep", kModelsSweepInterval, [this] { fleets->sweep(); });
  return announce();
}

void Application::Parts::repeat(std::string name, std::chrono::seconds interval,
                                std::function<void()> work) {
  background.spawn(std::move(name), [interval, work = std::move(work)](std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, interval, [] { return false; }) && !stop.stop_requested())
      work();
  });
}

// Tells `tidemill env`, and whoever started us, where we listen.
Result<void> Application::Parts::announce() {
  ValueObject facts;
  facts.append("endpoint", endpoint);
  facts.append("local_endpoint", credentials_door ? credentials_door->url() : endpoint);
  facts.append("pid", std::int64_t(getpid()));
  facts.append("version", kVersion);
  announced = true;
  return write_file_atomically(data / "server.json", write_json_pretty(facts), 0644);
}

std::string Application::Parts::further_metrics() const {
  const wire::HttpServerCounters& counters = http->counters();
  auto gauge = [](const char* name, const char* kind, std::uint64_t value) {
    return std::string("# TYPE ") + name + " " + kind + "\n" + name + " " + std::to_string(value) +
           "\n";
  };
  const blobs::BlobStatistics stored = blobs->statistics();
  return gauge("tidemill_blobs_quarantine_files", "gauge", stored.quarantine_files) +
         gauge("tidemill_blobs_quarantine_bytes", "gauge", stored.quarantine_bytes) +
         gauge("tidemill_blobs_foreign", "gauge", blobs->why_not_collected().empty() ? 0 : 1) +
         gauge("tidemill_http_connections_accepted_total", "counter",
               counters.connections_accepted) +
         gauge("tidemill_http_connections_refused_total", "counter", counters.connections_refused) +
         gauge("tidemill_http_connections_shed_total", "counter", counters.connections_shed) +
         gauge("tidemill_http_connections_active", "gauge", counters.connections_active) +
         gauge("tidemill_http_bad_requests_total", "counter", counters.requests_bad) +
         gauge("tidemill_http_received_bytes_total", "counter", counters.bytes_received) +
         gauge("tidemill_http_sent_bytes_total", "counter", counters.bytes_sent) +
         gauge("tidemill_workers_running", "gauge", workers->running()) +
         gauge("tidemill_workers_waiting", "gauge", workers->waiting()) +
         gauge("tidemill_workers_rejected_total", "counter", workers->rejected()) +
         tunnels->metrics_text() + inference->counters().metrics_text() + recorder->metrics_text() +
         asynchronous->metrics_text() + health->counters.metrics_text() +
         transform_jobs->counters().metrics_text();
}

Application::Application(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Application::~Application() = default;
const std::string& Application::endpoint() const { return parts_->endpoint; }

Result<std::unique_ptr<Application>> Application::start(const Settings& settings) {
  auto parts = std::make_unique<Parts>(settings);
  TRY(parts->open_state());
  TRY(parts->open_identity());
  TRY(parts->open_transparent_mode());
  parts->make_recorder();
  TRY(parts->take_address());
  TRY(parts->add_services());
  TRY(parts->run());
  return std::unique_ptr<Application>(new Application(std::move(parts)));
}

std::string coverage_text(bool as_json) {
  // The services register with a server that is put together as always, on a folder of its own.
  char folder[] = "/tmp/tidemill-coverage-XXXXXX";
  if (!mkdtemp(folder)) return "{}";
  std::string text;
  {
    Result<Settings> settings =
        Settings::resolve({{"data", folder}, {"listen", "127.0.0.1:0"}}, {});
    Application::Parts parts(*settings);
    Result<void> ready = parts.open_state();
    if (ready) ready = parts.open_identity();
    if (ready) parts.make_recorder();
    if (ready) ready = parts.take_address();
    if (ready) ready = parts.add_services();
    ValueObject all;
    for (const schema::Service* service : api::all_services()) {
      ValueList names;
      for (const schema::Operation& operation : service->operations)
        if (parts.registry.find(operation) || parts.inference_operation->takes(*service, operation))
          names.emplace_back(operation.name);
      all.append(std::string(service->name), std::move(names));
    }
    text = as_json ? write_json_pretty(all) : coverage_table(all);
  }
  std::error_code ignored;
  filesystem::remove_all(folder, ignored);
  return text;
}

namespace {

// Bodies and answers go back to the machine when they are done with. By default glibc's threshold
// (mallopt(3)) rises to 32 MiB with the first of that size; from then on each thread's arena keeps
// up to 64 MiB of what was freed.
void return_large_blocks() {
  constexpr int kMappedBytesMin = 1 << 20, kKeptBytesMax = 8 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytesMax);
}

}  // namespace

int serve(const Settings& settings) {
  return_large_blocks();
  log::configure(level_of(settings.text("log-level")),
                 settings.text("log-format") == "json" ? log::Format::json : log::Format::text);
  runtime::StopSignals signals;
  auto begun = std::chrono::steady_clock::now();
  Result<std::unique_ptr<Application>> application = Application::start(settings);
  if (!application) {
    log::error("cannot start", {{"reason", application.error().message}});
    return 1;
  }
  log::info("ready", {{"endpoint", (*application)->endpoint()},
                      {"data", settings.text("data")},
                      {"auth", settings.text("auth")},
                      {"milliseconds", std::chrono::duration<double, std::milli>(
                                           std::chrono::steady_clock::now() - begun)
                                           .count()}});
  int signal = signals.wait();
  log::info("stopping", {{"signal", signal}});
  application->reset();
  log::info("stopped");
  return 0;
}

}  // namespace tidemill::server
