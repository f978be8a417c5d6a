#include "services/sagemaker/hosting_district.h"

#include <filesystem>

#include "compute/job_listeners.h"
#include "services/platform/sweeps/sweeps.h"
#include "services/sagemaker/hosting/async_inference/async_inference.h"
#include "services/sagemaker/hosting/async_inference/async_ports.h"
#include "services/sagemaker/hosting/endpoint/endpoint_service.h"
#include "services/sagemaker/hosting/fleet/fleet_runner.h"
#include "services/sagemaker/hosting/fleet/health_monitor.h"
#include "services/sagemaker/hosting/inference_component/inference_components.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace runtime_service = sagemaker_runtime;

constexpr std::chrono::seconds kModelsSweepInterval{10};

FleetOptions fleet_options(const platform::Platform& platform) {
  auto& inference = platform.use<runtime_service::InferenceInterface>();
  return {[&inference](const ServerAddress& address) { return inference.ping(address); },
          inference.limits().model_time};
}

HealthOptions health_options(const platform::Platform& platform, FleetListener& of_endpoints,
                             FleetListener& of_components) {
  HealthOptions options;
  options.interval = std::chrono::seconds(platform.settings.number("ping-interval-seconds"));
  options.ping = [&inference = platform.use<runtime_service::InferenceInterface>()](
                     const ServerAddress& address, auto done) {
    inference.check(address, std::move(done));
  };
  options.is_reachable = [](const ServerAddress& address) {
    std::error_code ignored;
    return address.socket_path.empty() || std::filesystem::exists(address.socket_path, ignored);
  };
  options.cpu_seconds = [&compute =
                             platform.compute](const std::string& job) -> std::optional<double> {
    Result<compute::JobStatus> status = compute.observe(job);
    return status ? std::optional(status->cpu_seconds) : std::nullopt;
  };
  options.unhealthy = [&of_endpoints, &of_components](const UnhealthyServer& server) {
    return (server.job.starts_with(kComponentJobPrefix) ? of_components : of_endpoints)
        .server_unhealthy(server);
  };
  return options;
}

}  // namespace

struct Hosting::Parts {
  Parts(const Dependencies& on, platform::Platform& platform)
      : fleets(on, fleet_options(platform)),
        endpoint_servers(on, endpoint_owners(on.store)),
        component_servers(on, component_owners(on.store)),
        health(health_options(platform, endpoint_servers, component_servers)),
        hosted(on.store, fleets),
        endpoints(on, {platform.use<runtime_service::RoutingTable>(), fleets,
                       platform.use<runtime_service::CaptureDestinations>(), hosted, health,
                       endpoint_servers}),
        components(on, fleets, hosted, endpoints, component_servers),
        asynchronous(on.store, on.engine, on.clock, on.random,
                     async_ports(on.store, on.s3_as, platform.loops,
                                 platform.use<runtime_service::InferenceInterface>())) {}

  FleetRunner fleets;
  FleetListener endpoint_servers, component_servers;
  HealthMonitor health;
  HostedComponents hosted;
  EndpointService endpoints;
  InferenceComponents components;
  AsyncInference asynchronous;
};

Hosting::Hosting(const Dependencies& dependencies, platform::Platform& platform)
    : parts_(std::make_unique<Parts>(dependencies, platform)) {
  parts_->endpoints.add_to(platform.engine);
  parts_->endpoints.add_to(platform.handlers);
  parts_->components.add_to(platform.engine);
  parts_->components.add_to(platform.handlers);
  parts_->asynchronous.add_to(platform.engine);
  parts_->asynchronous.add_to(platform.handlers);
  platform.jobs.add(kEndpointJobPrefix, parts_->endpoint_servers);
  platform.jobs.add(kComponentJobPrefix, parts_->component_servers);
  parts_->asynchronous.add_to(platform.metrics);
  parts_->health.counters.add_to(platform.metrics);
  platform.sweeps.add("models-sweep", kModelsSweepInterval,
                      [&fleets = parts_->fleets]() -> Result<void> {
                        fleets.sweep();
                        return {};
                      });
}

Hosting::~Hosting() = default;

std::vector<store::TableSpec> Hosting::tables() {
  std::vector<store::TableSpec> all = EndpointService::tables();
  for (auto more : {InferenceComponents::tables(), AsyncInference::tables()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

Result<void> Hosting::start() {
  parts_->endpoints.start();
  parts_->health.start();
  return parts_->asynchronous.start();
}

void Hosting::stop() {
  parts_->health.stop();
  parts_->fleets.cancel();
  parts_->endpoints.stop();
  parts_->asynchronous.stop();
}

FleetRunner& Hosting::fleets() { return parts_->fleets; }

}  // namespace tidemill::services::sagemaker::hosting
