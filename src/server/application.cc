#include "server/application.h"

#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <sstream>

#include "api/all_services.h"
#include "base/json.h"
#include "base/log.h"
#include "blobs/blobs.h"
#include "compute/process/process_compute.h"
#include "engine/engine.h"
#include "runtime/event_loops.h"
#include "runtime/signals.h"
#include "runtime/task_scope.h"
#include "runtime/worker_pool.h"
#include "runtimes/runtimes.h"
#include "server/async_ports.h"
#include "server/batch_invocation.h"
#include "server/file.h"
#include "server/inference_operation.h"
#include "server/metrics.h"
#include "server/request_chain.h"
#include "server/version.h"
#include "services/iam/iam_service.h"
#include "services/logs/logs_service.h"
#include "services/s3/s3_service.h"
#include "services/sagemaker/async_inference/async_inference.h"
#include "services/sagemaker/endpoint/endpoint_service.h"
#include "services/sagemaker/fleet/fleet_runner.h"
#include "services/sagemaker/inference_component/inference_components.h"
#include "services/sagemaker/role_s3.h"
#include "services/sagemaker/sagemaker_service.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker/transform_job/fleet_models.h"
#include "services/sagemaker/transform_job/transform_jobs.h"
#include "services/service.h"
#include "services/sts/sts_service.h"
#include "store/sqlite/sqlite_store.h"
#include "wire/server/http_server.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

constexpr std::size_t kStreamThreads = 4;
constexpr std::size_t kStreamQueueMax = 10'000;
constexpr std::chrono::minutes kLogsSweepInterval{5};
constexpr std::chrono::seconds kModelsSweepInterval{10};

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

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

wire::HttpServerOptions http_options(const Settings& settings, const Address& address) {
  wire::HttpServerOptions options;
  options.address = address.host;
  options.port = address.port;
  options.tls_certificate_path = settings.text("tls-certificate");
  options.tls_private_key_path = settings.text("tls-key");
  options.connections_max = std::size_t(settings.number("connections-max"));
  options.idle_timeout = std::chrono::seconds(settings.number("idle-timeout-seconds"));
  options.stop_grace = std::chrono::seconds(settings.number("stop-grace-seconds"));
  return options;
}

// As a shell would find it: absolute, or looked up in PATH; "" when there is none.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos)
    return access(name.c_str(), X_OK) == 0 ? filesystem::absolute(name).string() : "";
  const char* path = std::getenv("PATH");
  std::stringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (std::string candidate = folder + "/" + name; access(candidate.c_str(), X_OK) == 0)
      return candidate;
  return "";
}

// Every table of every service: the store is opened with all of them.
std::vector<store::TableSpec> tables() {
  std::vector<store::TableSpec> all = engine::engine_tables();
  auto add = [&all](std::vector<store::TableSpec> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  add(services::iam::IamService::tables());
  add(services::s3::S3Service::tables());
  add(services::logs::LogsService::tables());
  add(services::sagemaker::SagemakerService::tables());
  add(services::sagemaker::EndpointService::tables());
  add(services::sagemaker::InferenceComponents::tables());
  add(services::sagemaker::AsyncInference::tables());
  add(services::sagemaker::TransformJobs::tables());
  return all;
}

}  // namespace

// In the order they are made; destroyed in the reverse.
struct Application::Parts {
  explicit Parts(const Settings& from) : settings(from) {}
  ~Parts();

  Result<void> open_state();
  Result<void> open_identity();
  void make_recorder();
  Result<void> take_address();
  Result<services::sagemaker::Programs> programs();
  Result<void> add_services();
  Result<void> run();
  void repeat(std::string name, std::chrono::seconds interval, std::function<void()> work);
  Result<void> announce();
  std::string further_metrics() const;

  Settings settings;
  filesystem::path data;
  SystemClock clock;
  std::unique_ptr<Random> random = make_system_random();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<blobs::BlobStore> blobs;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<compute::Compute> compute;

  std::unique_ptr<services::iam::IamService> iam;
  std::unique_ptr<services::sts::StsService> sts;
  std::unique_ptr<services::s3::S3Service> s3;
  std::unique_ptr<services::sagemaker_runtime::Recorder> recorder;
  std::unique_ptr<services::logs::LogsService> logs;
  std::unique_ptr<services::sagemaker::SagemakerService> sagemaker;
  services::Registry registry;
  Metrics metrics;

  std::unique_ptr<runtime::EventLoops> loops;
  std::unique_ptr<runtime::WorkerPool> workers;
  std::unique_ptr<runtime::WorkerPool> stream_pool;
  services::sagemaker_runtime::RoutingTable routes;
  std::unique_ptr<services::sagemaker_runtime::Inference> inference;
  std::unique_ptr<InferenceOperation> inference_operation;
  std::unique_ptr<services::sagemaker::FleetRunner> fleets;
  std::unique_ptr<services::sagemaker::EndpointService> endpoints;
  std::unique_ptr<services::sagemaker::InferenceComponents> components;
  std::unique_ptr<services::sagemaker::AsyncInference> asynchronous;
  std::unique_ptr<services::sagemaker::FleetModels> batch_models;
  std::unique_ptr<services::sagemaker::TransformJobs> transform_jobs;
  std::unique_ptr<wire::Router> router;
  std::unique_ptr<wire::sigv4::Authenticator> authenticator;
  std::unique_ptr<RequestChain> chain;
  std::unique_ptr<wire::HttpServer> http;
  std::string endpoint;
  bool announced = false;
  runtime::TaskScope background;
};

Application::Parts::~Parts() {
  // No new requests, then no waiting handlers, then no new effects; jobs go on under their shims.
  background.stop();
  if (chain) chain->request_stop();
  if (http) http->stop();
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
  // Jobs reach their own folders below it; nobody lists it.
  ::chmod(data.c_str(), 0711);

  store =
      TRY(store::open_sqlite_store({.path = data / "state" / "tidemill.db", .tables = tables()}));
  blobs = TRY(blobs::open_blob_store({.directory = (data / "blobs").string()}, *random));
  compute = TRY(compute::make_process_compute(
      {.directory = (data / "jobs").string(), .shim_command = {"/proc/self/exe", "shim"}}, clock));
  engine = engine::make_engine(*store, clock, *random);
  return {};
}

Result<void> Application::Parts::open_identity() {
  services::iam::RootKey root =
      TRY(services::iam::load_or_create_root_key(data / "root-key.json", *random));
  iam = TRY(services::iam::IamService::open(
      *store, clock, *random, {.root = root, .accept_any = settings.text("auth") == "any"}));
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
  recorder = std::make_unique<services::sagemaker_runtime::Recorder>(*s3, clock, *random,
                                                                     std::move(options));
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

  RequestChainParts parts{*router, *authenticator, *iam,    registry, *workers,
                          *loops,  clock,          *random, metrics};
  parts.async_operation = inference_operation.get();
  parts.further_metrics = [this] { return further_metrics(); };
  parts.access_log = access_log_of(settings.text("access-log"));
  parts.region = settings.text("region");
  chain = std::make_unique<RequestChain>(std::move(parts));
  wire::HttpServerOptions options = http_options(settings, address);
  options.on_bad_request = [this](int status, std::string_view reason) {
    return chain->bad_request(status, reason);
  };
  http = std::make_unique<wire::HttpServer>(*loops, *stream_pool, *chain, std::move(options));
  TRY(http->bind());
  std::string host = address.host == "0.0.0.0" || address.host == "::" ? "127.0.0.1" : address.host;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  endpoint = (settings.text("tls-key").empty() ? "http://" : "https://") + host + ":" +
             std::to_string(http->port());
  return {};
}

// The programs that jobs run: this binary, the host's Python, and our Python toolkit.
Result<services::sagemaker::Programs> Application::Parts::programs() {
  services::sagemaker::Programs programs;
  std::error_code error;
  programs.self = filesystem::read_symlink("/proc/self/exe", error).string();
  programs.python = find_program(settings.text("python"));
  if (programs.python.empty())
    log::warning("script-mode jobs and Python models cannot run: there is no such interpreter",
                 {{"python", settings.text("python")}});
  filesystem::create_directories(data / "runtimes", error);
  programs.toolkit = TRY(runtimes::unpack_python((data / "runtimes").string()));
  return programs;
}

Result<void> Application::Parts::add_services() {
  sts = std::make_unique<services::sts::StsService>(*iam);
  logs = std::make_unique<services::logs::LogsService>(*store, clock, *random);
  iam->add_to(registry);
  sts->add_to(registry);
  s3->add_to(registry);
  logs->add_to(registry);
  services::sagemaker::Settings placed;
  placed.jobs_directory = (data / "training").string();
  placed.programs = TRY(programs());
  placed.endpoint = endpoint;
  services::sagemaker::Dependencies dependencies{*store, *engine, *compute, *s3,   *logs,
                                                 *iam,   clock,   *random,  placed};
  sagemaker = std::make_unique<services::sagemaker::SagemakerService>(dependencies);
  const auto ping = [this](const services::sagemaker::ServerAddress& address) {
    return inference->ping(address);
  };
  fleets = std::make_unique<services::sagemaker::FleetRunner>(
      dependencies, services::sagemaker::FleetOptions{(data / "endpoints").string(), ping});
  endpoints = std::make_unique<services::sagemaker::EndpointService>(dependencies, routes, *fleets,
                                                                     *recorder);
  components =
      std::make_unique<services::sagemaker::InferenceComponents>(dependencies, *fleets, *endpoints);
  endpoints->host(*components);
  endpoints->add_to(*engine);
  endpoints->add_to(registry);
  components->add_to(*engine);
  components->add_to(registry);
  sagemaker->jobs().add(services::sagemaker::kEndpointJobPrefix, *endpoints);
  sagemaker->jobs().add(services::sagemaker::kComponentJobPrefix, *components);
  asynchronous = std::make_unique<services::sagemaker::AsyncInference>(*store, *engine, clock,
                                                                       *random, async_ports());
  asynchronous->add_to(*engine);
  asynchronous->add_to(registry);
  batch_models = std::make_unique<services::sagemaker::FleetModels>(
      dependencies, *fleets, routes, ping, batch_invocation(*inference, *loops));
  transform_jobs =
      std::make_unique<services::sagemaker::TransformJobs>(dependencies, *batch_models);
  transform_jobs->add_to(*engine);
  transform_jobs->add_to(registry);
  sagemaker->jobs().add(services::sagemaker::kTransformServerPrefix, *batch_models);
  sagemaker->add_to(*engine);
  sagemaker->add_to(registry);
  return {};
}

Result<void> Application::Parts::run() {
  TRY(s3->start());
  TRY(recorder->start());
  TRY(engine->start());
  TRY(compute->start(sagemaker->jobs()));
  endpoints->start();
  TRY(asynchronous->start());
  TRY(http->start());
  repeat("logs-sweep", kLogsSweepInterval, [this] {
    if (Result<std::size_t> swept = logs->sweep(); !swept)
      log::warning("log retention sweep failed", {{"reason", swept.error().message}});
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
  return gauge("tidemill_http_connections_accepted_total", "counter",
               counters.connections_accepted) +
         gauge("tidemill_http_connections_refused_total", "counter", counters.connections_refused) +
         gauge("tidemill_http_connections_active", "gauge", counters.connections_active) +
         gauge("tidemill_http_bad_requests_total", "counter", counters.requests_bad) +
         gauge("tidemill_http_received_bytes_total", "counter", counters.bytes_received) +
         gauge("tidemill_http_sent_bytes_total", "counter", counters.bytes_sent) +
         gauge("tidemill_workers_running", "gauge", workers->running()) +
         gauge("tidemill_workers_waiting", "gauge", workers->waiting()) +
         gauge("tidemill_workers_rejected_total", "counter", workers->rejected()) +
         inference->counters().metrics_text() + recorder->metrics_text() +
         asynchronous->metrics_text() + transform_jobs->counters().metrics_text();
}

Application::Application(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Application::~Application() = default;
const std::string& Application::endpoint() const { return parts_->endpoint; }

Result<std::unique_ptr<Application>> Application::start(const Settings& settings) {
  auto parts = std::make_unique<Parts>(settings);
  TRY(parts->open_state());
  TRY(parts->open_identity());
  parts->make_recorder();
  TRY(parts->take_address());
  TRY(parts->add_services());
  TRY(parts->run());
  return std::unique_ptr<Application>(new Application(std::move(parts)));
}

std::string coverage_json() {
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
    text = write_json_pretty(all);
  }
  std::error_code ignored;
  filesystem::remove_all(folder, ignored);
  return text;
}

int serve(const Settings& settings) {
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
