#include "services/sagemaker/endpoint/endpoint_service.h"

#include "base/log.h"
#include "services/sagemaker/data_capture/data_capture.h"
#include "services/sagemaker/endpoint/handlers.h"
#include "services/sagemaker/endpoint/history.h"
#include "services/sagemaker/endpoint/transitions.h"
#include "services/sagemaker/endpoint_config/endpoint_config.h"
#include "services/sagemaker/tags/tags.h"

namespace tidemill::services::sagemaker {
namespace {

namespace tasks = endpoint_tasks;
namespace events = endpoint_events;
namespace runtime_routes = sagemaker_runtime;

constexpr std::size_t kScanPage = 500;
// Endpoints that are not published by then (many native models to load) follow in the background.
constexpr std::chrono::milliseconds kStartTime{500};

template <class T>
Result<T> payload(const engine::TaskRun& run) {
  T out{};
  TRY(from_value(run.payload, out));
  return out;
}

}  // namespace

std::vector<store::TableSpec> EndpointService::tables() {
  return {models().spec(), endpoint_configs().spec(), endpoints().spec(), deployments().spec()};
}

EndpointService::EndpointService(const Dependencies& dependencies,
                                 sagemaker_runtime::RoutingTable& routes, FleetRunner& fleets,
                                 sagemaker_runtime::CaptureDestinations& captures)
    : in_(dependencies),
      routes_(routes),
      fleets_(fleets),
      captures_(captures),
      handlers_(dependencies) {}

void EndpointService::add_to(engine::Engine& engine) {
  engine.add(engine::make_machine(kEndpointMachine, endpoints(), endpoint_transition,
                                  [this](const Endpoint& endpoint, const engine::TaskRun& run) {
                                    return run_task(endpoint, run);
                                  }));
}

EndpointService::~EndpointService() { stop(); }

void EndpointService::host(EndpointComponents& components) {
  components_ = &components;
  handlers_.host(components);
}

void EndpointService::add_to(Registry& registry) {
  add_model_operations(registry, in_);
  add_endpoint_config_operations(registry, in_);
  handlers_.add_to(registry);
  add_history_operations(registry, in_);
}

void EndpointService::start() {
  std::vector<std::string> keys = keys_in_service();
  const auto deadline = std::chrono::steady_clock::now() + kStartTime;
  std::size_t published = 0;
  while (published < keys.size() && std::chrono::steady_clock::now() < deadline)
    publish_or_log(keys[published++]);
  keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(published));
  if (keys.empty()) return;
  starter_ = std::jthread([this, keys = std::move(keys)](const std::stop_token& stop) {
    for (const std::string& key : keys) {
      if (stop.stop_requested()) return;
      publish_or_log(key);
    }
  });
}

void EndpointService::stop() { starter_ = {}; }

std::vector<std::string> EndpointService::keys_in_service() {
  std::vector<std::string> keys;
  store::Scan scan;
  scan.limit = kScanPage;
  do {
    auto page = endpoints().scan(in_.store, scan);
    if (!page) {
      log::error("cannot read the endpoints", {{"reason", page.error().message}});
      break;
    }
    for (const auto& found : page->records)
      if (found.record.active)
        keys.push_back(endpoint_key(found.record.account, found.record.region, found.record.name));
    scan.after = page->next;
  } while (!scan.after.empty());
  return keys;
}

void EndpointService::publish_or_log(const std::string& key) {
  Result<void> published = publish(key);
  if (!published)
    log::error("cannot serve an endpoint",
               {{"endpoint", store::split_key(key).back()}, {"reason", published.error().message}});
}

engine::TaskResult EndpointService::run_task(const Endpoint& endpoint, const engine::TaskRun& run) {
  const std::vector<engine::Event> nothing;
  if (run.type == tasks::kStartInstances) return start_instances(endpoint, run);
  if (run.type == tasks::kRestartServer) return restart_server(endpoint, run);
  if (run.type == tasks::kRemove) return remove(endpoint, run);
  if (run.type == tasks::kPublish) {
    TRY(publish(run.key));
    return std::vector<engine::Event>{{events::kPublished, {}}};
  }
  if (run.type == tasks::kAdvance)
    return std::vector<engine::Event>{{events::kAdvance, run.payload}};
  if (run.type == tasks::kTimeOut)
    return std::vector<engine::Event>{{events::kTimeOut, run.payload}};
  if (run.type == tasks::kRecord) {
    TRY(keep_deployment(in_.store, TRY(payload<DeploymentRecord>(run))));
    return nothing;
  }
  if (run.type == tasks::kStopInstances) {
    const StopRequest stop = TRY(payload<StopRequest>(run));
    TRY(fleets_.stop_instances(owner_of(endpoint), stop.fleet, stop.instances));
    return nothing;
  }
  if (run.type == tasks::kStopFleet) {
    TRY(fleets_.stop(owner_of(endpoint), TRY(payload<Fleet>(run))));
    return nothing;
  }
  return fail(codes::kInvalid, "unknown task " + run.type);
}

engine::TaskResult EndpointService::start_instances(const Endpoint& endpoint,
                                                    const engine::TaskRun& run) {
  InstancesRef ref = TRY(payload<InstancesRef>(run));
  const bool of_pending = endpoint.pending && endpoint.pending->id == ref.fleet;
  const bool of_active = endpoint.active && endpoint.active->id == ref.fleet;
  if (!of_pending && !of_active) return std::vector<engine::Event>();
  Result<Fleet> started = fleets_.start(
      owner_of(endpoint), of_pending ? *endpoint.pending : *endpoint.active, ref.instances);
  if (started) {
    engine::Event ready{events::kInstancesReady, to_value(*started)};
    TRY(publish_after(run.key, ready));
    return std::vector<engine::Event>{std::move(ready)};
  }
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  ref.reason = started.error().message;
  return std::vector<engine::Event>{{events::kInstancesFailed, to_value(ref)}};
}

engine::TaskResult EndpointService::restart_server(const Endpoint& endpoint,
                                                   const engine::TaskRun& run) {
  ServerRef ref = TRY(payload<ServerRef>(run));
  if (!endpoint.active || endpoint.active->id != ref.fleet) return std::vector<engine::Event>();
  Result<ServerRef> started = fleets_.start_server(owner_of(endpoint), *endpoint.active, ref);
  if (started) return std::vector<engine::Event>{{events::kServerReady, to_value(*started)}};
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  log::warning("a model server does not come up",
               {{"endpoint", endpoint.arn}, {"reason", started.error().message}});
  return std::vector<engine::Event>{{events::kServerExited, to_value(ref)}};
}

engine::TaskResult EndpointService::remove(const Endpoint& endpoint, const engine::TaskRun& run) {
  TRY(publish(run.key));
  const FleetOwner owner = owner_of(endpoint);
  if (endpoint.pending) TRY(fleets_.stop(owner, *endpoint.pending));
  if (endpoint.active) TRY(fleets_.stop(owner, *endpoint.active));
  store::Transaction transaction;
  erase_tags(transaction, endpoint.arn);
  TRY(forget_deployments(in_.store, transaction, endpoint));
  TRY(in_.engine.erase(kEndpointMachine, run.key, std::move(transaction)));
  return std::vector<engine::Event>();
}

Result<sagemaker_runtime::EndpointRoute> EndpointService::route_of(const Endpoint& endpoint) {
  runtime_routes::EndpointRoute route;
  route.account = endpoint.account;
  route.region = endpoint.region;
  route.name = endpoint.name;
  const FleetOwner owner = owner_of(endpoint);
  auto add = [&](const Fleet& fleet, double share) -> Result<void> {
    for (std::size_t index = 0; index < fleet.variants.size(); ++index) {
      runtime_routes::VariantRoute variant = TRY(fleets_.route(owner, fleet, index));
      variant.weight *= share;
      std::optional<runtime_routes::CaptureSettings> captured;
      if (fleet.capture)
        captured =
            capture_settings(*fleet.capture, {endpoint.account, endpoint.region, endpoint.name,
                                              variant.name, fleet.variants[index].role_arn});
      if (captured) variant.capture = captures_.open(*std::move(captured));
      (fleet.variants[index].shadow ? route.shadows : route.variants).push_back(std::move(variant));
    }
    return {};
  };
  const double new_share =
      endpoint.pending && endpoint.deployment ? endpoint.deployment->traffic : 0;
  if (new_share < 1) TRY(add(*endpoint.active, 1 - new_share));
  if (new_share > 0) TRY(add(*endpoint.pending, new_share));
  if (components_) route.components = TRY(components_->routes(endpoint));
  route.asynchronous = endpoint.active->asynchronous.has_value();
  return route;
}

Result<void> EndpointService::publish(const std::string& key) {
  std::lock_guard lock(publishing_);
  auto found = TRY(endpoints().get(in_.store, key));
  if (found && found->record.active && found->record.status != endpoint_status::kDeleting) {
    routes_.put(TRY(route_of(found->record)));
    return {};
  }
  const std::vector<std::string> parts = store::split_key(key);
  if (parts.size() == 3) routes_.remove(parts[0], parts[1], parts[2]);
  return {};
}

Result<void> EndpointService::publish_after(const std::string& key, const engine::Event& event) {
  std::lock_guard lock(publishing_);
  auto found = TRY(endpoints().get(in_.store, key));
  if (!found) return {};
  auto step = TRY(endpoint_transition(found->record, event, in_.clock.now()));
  if (step && step->next.active) routes_.put(TRY(route_of(step->next)));
  return {};
}

void EndpointService::job_exited(const std::string& id, const compute::JobExit& exit) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job || exit.stop_requested) return;
  job->ref.reason = "exit code " + std::to_string(exit.exit_code);
  // Stale for servers that are still being started: whoever waits for them sees the exit itself.
  Result<bool> sent =
      in_.engine.send(kEndpointMachine, endpoint_key(job->account, job->region, job->name),
                      {events::kServerExited, to_value(job->ref)});
  if (sent && *sent)
    log::warning("a model server ended; it is started again",
                 {{"endpoint", job->name}, {"exit_code", exit.exit_code}});
}

bool EndpointService::job_logged(const std::string& id,
                                 const std::vector<compute::LogLine>& lines) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job) return true;
  auto found = endpoints().get(in_.store, endpoint_key(job->account, job->region, job->name));
  if (!found) return false;
  if (!*found) return true;  // deleted meanwhile
  std::string stream = "i-" + job->ref.fleet + "-" + std::to_string(job->ref.instance);
  for (const auto* fleet : {&(*found)->record.active, &(*found)->record.pending})
    if (*fleet && (*fleet)->id == job->ref.fleet &&
        job->ref.variant < std::int64_t((*fleet)->variants.size()))
      stream = server_log_stream((*fleet)->variants[std::size_t(job->ref.variant)], job->ref);
  std::vector<logs::LogEvent> entries;
  entries.reserve(lines.size());
  for (const compute::LogLine& line : lines) entries.push_back({line.time, line.text});
  return in_.logs
      .append(job->account, job->region, kEndpointLogGroup + job->name, stream, std::move(entries))
      .has_value();
}

}  // namespace tidemill::services::sagemaker
