// What the services are built on, and the services themselves.
#include <unistd.h>

#include <sstream>

#include "api/all_services.h"
#include "base/log.h"
#include "runtimes/runtimes.h"
#include "server/all_modules.h"
#include "server/application_parts.h"
#include "server/async_ports.h"
#include "server/batch_invocation.h"
#include "services/platform/delivery/http_driver.h"
#include "services/s3/client.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker_runtime/handlers.h"
#include "store/identity.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;
namespace platform_service = services::platform;

constexpr std::chrono::seconds kModelsSweepInterval{10};
constexpr std::chrono::hours kQuarantineInterval{1};
constexpr std::chrono::seconds kFolderWatchInterval{5};

// Finds a program like a shell: an absolute path, or looked up in PATH; "" when not found.
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

}  // namespace

Result<void> Application::Parts::order_modules() {
  modules.emplace(TRY(services::platform::Modules::in_order(all_modules())));
  return {};
}

std::vector<store::TableSpec> Application::Parts::all_tables() const {
  std::vector<store::TableSpec> all = engine::engine_tables();
  all.push_back(store::identity_table().spec());
  auto add = [&all](std::vector<store::TableSpec> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  add(modules->tables());
  add(services::platform::Deliveries::tables());
  add(services::platform::Schedules::tables());
  add(services::sagemaker::SagemakerService::tables());
  add(services::sagemaker::hosting::EndpointService::tables());
  add(services::sagemaker::hosting::InferenceComponents::tables());
  add(services::sagemaker::hosting::AsyncInference::tables());
  add(services::sagemaker::jobs::TransformJobs::tables());
  return all;
}

// The programs that jobs run: this binary, the host's Python, and our Python toolkit.
Result<services::sagemaker::Programs> Application::Parts::programs() {
  services::sagemaker::Programs programs;
  std::error_code error;
  programs.self = filesystem::read_symlink("/proc/self/exe", error).string();
  programs.python = find_program(settings.text("python"));
  python = programs.python;
  if (programs.python.empty())
    log::warning("script-mode jobs and Python models cannot run: there is no such interpreter",
                 {{"python", settings.text("python")},
                  {"help",
                   "make an environment for jobs and name its interpreter with --python; "
                   "README.md, 'Running it', says how"}});
  filesystem::create_directories(data / "runtimes", error);
  programs.toolkit = TRY(runtimes::unpack_python((data / "runtimes").string()));
  return programs;
}

services::sagemaker::hosting::HealthOptions Application::Parts::health_options() {
  namespace sagemaker = services::sagemaker;
  sagemaker::hosting::HealthOptions options;
  options.interval = std::chrono::seconds(settings.number("ping-interval-seconds"));
  options.ping = [this](const sagemaker::hosting::ServerAddress& address, auto done) {
    inference->check(address, std::move(done));
  };
  options.is_reachable = [](const sagemaker::hosting::ServerAddress& address) {
    std::error_code ignored;
    return address.socket_path.empty() || std::filesystem::exists(address.socket_path, ignored);
  };
  options.cpu_seconds = [this](const std::string& job) -> std::optional<double> {
    Result<compute::JobStatus> status = compute->status(job);
    return status ? std::optional(status->cpu_seconds) : std::nullopt;
  };
  options.unhealthy = [this](const sagemaker::hosting::UnhealthyServer& server) {
    return server.job.starts_with(sagemaker::hosting::kComponentJobPrefix)
               ? component_servers->server_unhealthy(server)
               : endpoint_servers->server_unhealthy(server);
  };
  return options;
}

void Application::Parts::add_platform() {
  held = std::make_unique<platform_service::HeldAnswers>();
  engine->on_change([this](const std::string& record) { held->changed(record); });
  http_deliveries = platform_service::make_http_driver();
  deliveries = std::make_unique<platform_service::Deliveries>(
      *store, *engine, *random, *durations,
      platform_service::DeliveryPorts{
          [this](const std::string& role, const std::string& action, const std::string& target) {
            return platform->use<services::iam::IamInterface>().authorize_role(
                role, services::sagemaker::kRoleSessionName, action, target);
          }});
  for (const char* scheme : {"http", "https"}) deliveries->add(scheme, "", *http_deliveries);
  deliveries->add_to(*engine);
  schedules = std::make_unique<platform_service::Schedules>(*store, clock, *random);
  sweeps = std::make_unique<platform_service::Sweeps>();
  add_sweeps();
  dispatcher = std::make_unique<platform_service::Dispatcher>(platform_service::DispatcherParts{
      registry, authorizer, api::all_services(), *loops, clock, *random,
      [this](const platform_service::Call& call, const Error* error,
             std::chrono::nanoseconds duration) {
        requests.record_inside(call.service.name, call.operation.name, !error, duration);
      }});
}

void Application::Parts::add_sweeps() {
  sweeps->add("blobs-quarantine", kQuarantineInterval, [this]() -> Result<void> {
    ages->look();
    blobs->delete_expired(ages->now());
    return {};
  });
  sweeps->add("folder-watch", kFolderWatchInterval,
              [this, last = std::string()]() mutable -> Result<void> {
                std::string now = trouble();
                if (now == last) return {};
                if (now.empty())
                  log::info("the data folder is back");
                else
                  log::error("the data folder is gone", {{"reason", now}, {"path", data.string()}});
                last = std::move(now);
                return {};
              });
  sweeps->add("models-sweep", kModelsSweepInterval, [this]() -> Result<void> {
    fleets->sweep();
    return {};
  });
}

Result<void> Application::Parts::open_modules() {
  add_platform();
  add_metrics();
  platform = std::make_unique<platform_service::Platform>(
      platform_service::PlatformParts{.settings = settings,
                                      .data = data,
                                      .addresses = addresses,
                                      .clock = clock,
                                      .durations = *durations,
                                      .ages = *ages,
                                      .random = *random,
                                      .store = *store,
                                      .blobs = *blobs,
                                      .compute = *compute,
                                      .loops = *loops,
                                      .engine = *engine,
                                      .outbox = *outbox,
                                      .handlers = registry,
      .metrics = metrics,
                                      .schedules = *schedules,
                                      .deliveries = *deliveries,
                                      .sweeps = *sweeps,
                                      .held = *held,
                                      .dispatcher = *dispatcher});
  TRY(modules->open(*platform));
  authorizer.ask(platform->use<platform_service::Authorizer>());
  return {};
}

services::sagemaker::S3As Application::Parts::s3_as() {
  return [this](const services::sagemaker::RoleUse& use) {
    return std::make_unique<services::s3::S3Client>(
        *dispatcher, [this, use]() -> Result<services::platform::Caller> {
          services::Principal principal =
              TRY(platform->use<services::iam::IamInterface>().role_principal(
                  use.role_arn, services::sagemaker::kRoleSessionName, use.account));
          return services::platform::Caller{std::move(principal), use.region};
        });
  };
}

Result<void> Application::Parts::add_services() {
  platform->add_tag_source(
      "sagemaker", [this](std::string_view arn) -> Result<platform_service::ResourceTags> {
        auto found = TRY(services::sagemaker::resource_tags().get(*store, std::string(arn)));
        return found ? found->record.tags : platform_service::ResourceTags();
      });
  training_counts = std::make_unique<services::sagemaker::jobs::TrainingJobCounts>(*store);
  training_counts->add_to(*outbox);
  make_recorder();
  using services::sagemaker_runtime::InferenceLimits;
  inference = std::make_unique<services::sagemaker_runtime::Inference>(
      routes, *loops, clock,
      settings.text("strict-aws") == "on" ? InferenceLimits::aws() : InferenceLimits{},
      recorder.get());
  services::sagemaker_runtime::add_invocations(registry, *inference);
  services::sagemaker::Settings placed;
  placed.jobs_directory = (data / "training").string();
  placed.programs = TRY(programs());
  placed.endpoint = addresses.endpoint;
  placed.isolate_jobs = settings.text("job-network") == "isolated";
  placed.port = addresses.port;
  placed.credentials_url = addresses.credentials_url;
  services::sagemaker::Dependencies dependencies{*store,
                                                 *engine,
                                                 *compute,
                                                 platform->use<services::s3::S3Interface>(),
                                                 platform->use<services::logs::LogsInterface>(),
                                                 platform->use<services::iam::IamInterface>(),
                                                 clock,
                                                 *random,
                                                 *held,
                                                 s3_as(),
                                                 placed,
                                                 durations.get()};
  sagemaker = std::make_unique<services::sagemaker::SagemakerService>(dependencies);
  const auto ping = [this](const services::sagemaker::hosting::ServerAddress& address) {
    return inference->ping(address);
  };
  fleets = std::make_unique<services::sagemaker::hosting::FleetRunner>(
      dependencies, services::sagemaker::hosting::FleetOptions{(data / "endpoints").string(), ping,
                                                               inference->limits().model_time});
  endpoint_servers = std::make_unique<services::sagemaker::hosting::FleetListener>(
      dependencies, services::sagemaker::hosting::endpoint_owners(*store));
  component_servers = std::make_unique<services::sagemaker::hosting::FleetListener>(
      dependencies, services::sagemaker::hosting::component_owners(*store));
  health = std::make_unique<services::sagemaker::hosting::HealthMonitor>(health_options());
  hosted = std::make_unique<services::sagemaker::hosting::HostedComponents>(*store, *fleets);
  endpoints = std::make_unique<services::sagemaker::hosting::EndpointService>(
      dependencies, services::sagemaker::hosting::EndpointParts{routes, *fleets, *recorder, *hosted,
                                                                *health, *endpoint_servers});
  components = std::make_unique<services::sagemaker::hosting::InferenceComponents>(
      dependencies, *fleets, *hosted, *endpoints, *component_servers);
  endpoints->add_to(*engine);
  endpoints->add_to(registry);
  components->add_to(*engine);
  components->add_to(registry);
  sagemaker->jobs().add(services::sagemaker::hosting::kEndpointJobPrefix, *endpoint_servers);
  sagemaker->jobs().add(services::sagemaker::hosting::kComponentJobPrefix, *component_servers);
  asynchronous = std::make_unique<services::sagemaker::hosting::AsyncInference>(
      *store, *engine, clock, *random, async_ports(*store, s3_as(), *loops, *inference));
  asynchronous->add_to(*engine);
  asynchronous->add_to(registry);
  batch_models = std::make_unique<services::sagemaker::jobs::FleetModels>(
      dependencies, *fleets, routes, ping, batch_invocation(*inference, *loops));
  transform_jobs =
      std::make_unique<services::sagemaker::jobs::TransformJobs>(dependencies, *batch_models);
  transform_jobs->add_to(*engine);
  transform_jobs->add_to(registry);
  sagemaker->jobs().add(services::sagemaker::jobs::kTransformServerPrefix, *batch_models);
  sagemaker->add_to(*engine);
  sagemaker->add_to(registry);
  return {};
}

}  // namespace tidemill::server
