// The services: their tables, their dependencies, and how they are connected.
#include <unistd.h>

#include <sstream>

#include "base/log.h"
#include "runtimes/runtimes.h"
#include "server/application_parts.h"
#include "server/async_ports.h"
#include "server/batch_invocation.h"
#include "server/tag_sources.h"
#include "services/platform/delivery/http_driver.h"
#include "services/s3/client.h"
#include "store/identity.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

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

std::vector<store::TableSpec> all_tables() {
  std::vector<store::TableSpec> all = engine::engine_tables();
  all.push_back(store::identity_table().spec());
  auto add = [&all](std::vector<store::TableSpec> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  add(services::iam::IamService::tables());
  add(services::platform::Deliveries::tables());
  add(services::platform::Schedules::tables());
  add(services::s3::S3Service::tables());
  add(services::logs::LogsService::tables());
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
  namespace platform = services::platform;
  training_counts = std::make_unique<services::sagemaker::jobs::TrainingJobCounts>(*store);
  training_counts->add_to(*outbox);
  http_deliveries = platform::make_http_driver();
  deliveries = std::make_unique<platform::Deliveries>(
      *store, *engine, *random, *durations,
      platform::DeliveryPorts{
          [this](const std::string& role, const std::string& action, const std::string& target) {
            return static_cast<services::iam::IamInterface&>(*iam).authorize_role(
                role, services::sagemaker::kRoleSessionName, action, target);
          }});
  for (const char* scheme : {"http", "https"}) deliveries->add(scheme, "", *http_deliveries);
  deliveries->add_to(*engine);
  schedules = std::make_unique<platform::Schedules>(*store, clock, *random);
}

services::sagemaker::S3As Application::Parts::s3_as() {
  return [this](const services::sagemaker::RoleUse& use) {
    return std::make_unique<services::s3::S3Client>(
        *dispatcher, [this, use]() -> Result<services::platform::Caller> {
          services::Principal principal = TRY(iam->role_principal(
              use.role_arn, services::sagemaker::kRoleSessionName, use.account));
          return services::platform::Caller{std::move(principal), use.region};
        });
  };
}

Result<void> Application::Parts::add_services() {
  add_platform();
  sts = std::make_unique<services::sts::StsService>(*iam);
  logs = std::make_unique<services::logs::LogsService>(*store, clock, *random);
  iam->set_tag_sources(tag_sources(*store));
  iam->add_to(registry);
  sts->add_to(registry);
  s3->check_items_with(
      [this](const services::Context& context, std::string_view action, std::string_view resource,
             const Value& input) { return iam->authorize_item(context, action, resource, input); });
  s3->add_to(registry);
  logs->add_to(registry);
  services::sagemaker::Settings placed;
  placed.jobs_directory = (data / "training").string();
  placed.programs = TRY(programs());
  placed.endpoint = endpoint;
  placed.isolate_jobs = settings.text("job-network") == "isolated";
  placed.port = http->port();
  if (credentials_door) placed.credentials_url = credentials_door->url();
  services::sagemaker::Dependencies dependencies{*store, *engine, *compute, *s3,
                                                 *logs,  *iam,    clock,    *random,
                                                 *held,  s3_as(), placed,   durations.get()};
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
