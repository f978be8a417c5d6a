#include "services/sagemaker/hosting/endpoint/endpoint_service.h"

#include <algorithm>

#include "base/log.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/data_capture/data_capture.h"
#include "services/sagemaker/hosting/endpoint/endpoint_names.h"
#include "services/sagemaker/hosting/endpoint/events.h"
#include "services/sagemaker/hosting/endpoint/handlers.h"
#include "services/sagemaker/hosting/endpoint/history.h"
#include "services/sagemaker/hosting/endpoint/transitions.h"
#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace tasks = endpoint_tasks;
namespace events = endpoint_events;
namespace runtime_routes = sagemaker_runtime;

constexpr std::size_t kScanPage = 500;
// Endpoints that are not published by then (many native models to load) follow in the background.
constexpr std::chrono::milliseconds kStartTime{500};

// The share of the traffic that goes to the fleet that is being deployed.
double pending_share(const Endpoint& endpoint) {
  return endpoint.pending && endpoint.deployment ? endpoint.deployment->traffic : 0;
}

Result<std::optional<std::string>> log_stream_of(store::Store& store, const std::string& key,
                                                 const ServerRef& ref) {
  auto found = TRY(endpoints().get(store, key));
  if (!found) return std::optional<std::string>();
  const Fleet* fleet = find_fleet(found->record, ref.fleet);
  if (fleet && ref.variant < std::ssize(fleet->variants))
    return std::optional(server_log_stream(fleet->variants[std::size_t(ref.variant)], ref));
  return std::optional("i-" + ref.fleet + "-" + std::to_string(ref.instance));
}

}  // namespace

std::vector<store::TableSpec> EndpointService::tables() {
  return {models().spec(), endpoint_configs().spec(), endpoints().spec(), endpoint_names().spec(),
          deployments().spec()};
}

FleetOwners endpoint_owners(store::Store& store) {
  return {kEndpointMachine, kEndpointLogGroup,
          [&store](const std::string& key, const ServerRef& ref) {
            return log_stream_of(store, key, ref);
          }};
}

EndpointService::EndpointService(const Dependencies& dependencies, const EndpointParts& parts)
    : in_(dependencies), with_(parts), handlers_(dependencies, parts.components) {}

void EndpointService::add_to(engine::Engine& engine) {
  engine.add(make_fleet_machine(kEndpointMachine, endpoints(), with_.fleets, endpoint_transition,
                                [this](const Endpoint& endpoint, const engine::TaskRun& run) {
                                  return run_task(endpoint, run);
                                }));
}

EndpointService::~EndpointService() { stop(); }

void EndpointService::add_to(Registry& registry) {
  add_model_operations(registry, in_);
  add_endpoint_config_operations(registry, in_);
  handlers_.add_to(registry);
  add_history_operations(registry, in_);
}

void EndpointService::start() {
  const auto deadline = std::chrono::steady_clock::now() + kStartTime;
  std::vector<std::string> later;
  for (const std::string& key : keys_in_service())
    if (std::chrono::steady_clock::now() > deadline || !publish_or_log(key)) later.push_back(key);
  if (later.empty()) return;
  // Until the routes are published, callers get ServiceUnavailable rather than "not found".
  for (const std::string& key : later) {
    const std::vector<std::string> parts = store::split_key(key);
    runtime_routes::EndpointRoute route;
    route.account = parts.at(0);
    route.region = parts.at(1);
    route.name = parts.at(2);
    with_.routes.put(std::move(route));
  }
  starter_ = std::jthread([this, later = std::move(later)](const std::stop_token& stop) mutable {
    for (int turn = 0; !later.empty() && !stop.stop_requested(); ++turn) {
      std::erase_if(later, [&](const std::string& key) {
        return !stop.stop_requested() && publish_or_log(key);
      });
      for (int i = 0; i < 10 * std::min(turn, 30) && !later.empty() && !stop.stop_requested(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
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
    for (const auto& found : page->records) {
      if (Result<void> claimed = claim_name_if_free(in_.store, found.record); !claimed)
        log::error("cannot keep an endpoint's name from others in another case",
                   {{"endpoint", found.record.name}, {"reason", claimed.error().message}});
      if (found.record.active)
        keys.push_back(endpoint_key(found.record.account, found.record.region, found.record.name));
    }
    scan.after = page->next;
  } while (!scan.after.empty());
  return keys;
}

bool EndpointService::publish_or_log(const std::string& key) {
  Result<void> published = publish(key);
  if (!published)
    log::error("cannot serve an endpoint",
               {{"endpoint", store::split_key(key).back()}, {"reason", published.error().message}});
  return published.has_value();
}

engine::TaskResult EndpointService::run_task(const Endpoint& endpoint, const engine::TaskRun& run) {
  const std::vector<engine::Event> nothing;
  if (run.type == tasks::kStartInstances) return start_instances(endpoint, run);
  // One that does not come up has ended, too.
  if (run.type == tasks::kRestartServer)
    return restart_server(
        with_.fleets, with_.servers, owner_of(endpoint), endpoint.active, run,
        [](const ServerRef& ref) { return engine::event_of(events::ServerExited{ref}); });
  if (run.type == tasks::kEndServer) return end_server(with_.fleets, owner_of(endpoint), run);
  if (run.type == tasks::kRemove) return remove(endpoint, run);
  if (run.type == tasks::kPublish) {
    TRY(publish(run.key));
    if (!endpoint.deployment) return nothing;
    // The routes are made from a record that is no older than this one.
    return engine::events_of(events::Published{endpoint.deployment->id, endpoint.deployment->step});
  }
  if (run.type == tasks::kAdvance)
    return engine::events_of(events::Advance{TRY(engine::payload_of<InstancesRef>(run))});
  if (run.type == tasks::kTimeOut)
    return engine::events_of(events::TimeOut{TRY(engine::payload_of<InstancesRef>(run))});
  if (run.type == tasks::kRecord) {
    const auto record = TRY(engine::payload_of<DeploymentRecord>(run));
    TRY(keep_deployment(in_.store, record));
    return nothing;
  }
  if (run.type == tasks::kStop) return stop_leaving_instances(endpoint, run);
  return fail(codes::kInvalid, "unknown task " + run.type);
}

engine::TaskResult EndpointService::stop_leaving_instances(const Endpoint& endpoint,
                                                           const engine::TaskRun& run) {
  const StopRef ref = TRY(engine::payload_of<StopRef>(run));
  // Nothing new may begin on it, whatever became of the publication that went with it.
  if (ref.looks == 0) publish_or_log(run.key);
  const FleetOwner owner = owner_of(endpoint);
  for (const LeavingInstances& each : endpoint.leaving)
    if (each.id == ref.id && !drains(with_.fleets, each, waited(run)))
      with_.health.drop(with_.fleets.processes(owner, each.fleet, instances_of(each)));
  return stop_drained(with_.fleets, owner, endpoint.leaving, run);
}

void EndpointService::add_processes(sagemaker_runtime::EndpointRoute& route,
                                    const Endpoint& endpoint,
                                    const std::vector<LeavingInstances>& leaving) {
  const FleetOwner owner = owner_of(endpoint);
  for (const LeavingInstances& each : leaving)
    for (auto& instance : with_.fleets.processes(owner, each.fleet, instances_of(each)))
      route.leaving.push_back(std::move(instance));
}

engine::TaskResult EndpointService::start_instances(const Endpoint& endpoint,
                                                    const engine::TaskRun& run) {
  InstancesRef ref = TRY(engine::payload_of<InstancesRef>(run));
  const Fleet* fleet = wanted_fleet(endpoint, ref.fleet);
  // A start that a deletion interrupted must not begin again behind it.
  if (!fleet || endpoint.status == endpoint_status::kDeleting) return std::vector<engine::Event>();
  Result<Fleet> started = with_.fleets.start(owner_of(endpoint), *fleet, ref.instances);
  if (started) return engine::events_of(events::InstancesReady{*std::move(started)});
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  ref.reason = started.error().message;
  return engine::events_of(events::InstancesFailed{ref});
}

engine::TaskResult EndpointService::remove(const Endpoint& endpoint, const engine::TaskRun& run) {
  {
    std::lock_guard lock(publishing_);
    with_.routes.remove(endpoint.account, endpoint.region, endpoint.name);
    const std::vector<LeavingInstances> all = everything_of(endpoint);
    runtime_routes::EndpointRoute route;
    route.account = endpoint.account;
    route.region = endpoint.region;
    route.name = endpoint.name;
    if (std::ranges::any_of(all, [&](const LeavingInstances& each) {
          return drains(with_.fleets, each, waited(run));
        }))
      add_processes(route, endpoint, all);
    with_.health.watch(route);
  }
  if (!TRY(stop_everything(with_.fleets, endpoint, run))) return draining(run);
  store::Transaction transaction;
  erase_tags(transaction, endpoint.arn);
  TRY(release_name(in_.store, transaction, endpoint));
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
      runtime_routes::VariantRoute variant = TRY(with_.fleets.route(owner, fleet, index));
      variant.weight *= share;
      std::optional<runtime_routes::CaptureSettings> captured;
      if (fleet.capture)
        captured = capture_settings(
            *fleet.capture, {endpoint.account, endpoint.region, endpoint.name, variant.name,
                             fleet.variants[index].role_arn, fleet.variants[index].role_since});
      if (captured) variant.capture = with_.captures.open(*std::move(captured));
      (fleet.variants[index].shadow ? route.shadows : route.variants).push_back(std::move(variant));
    }
    return {};
  };
  const double new_share = pending_share(endpoint);
  if (new_share < 1) TRY(add(*endpoint.active, 1 - new_share));
  if (new_share > 0) TRY(add(*endpoint.pending, new_share));
  route.components = TRY(with_.components.routes(endpoint));
  add_processes(route, endpoint, endpoint.leaving);
  const Fleet& newest = endpoint.active ? *endpoint.active : *endpoint.pending;
  route.asynchronous = newest.asynchronous.has_value();
  return route;
}

void EndpointService::put_route(sagemaker_runtime::EndpointRoute route) {
  with_.health.watch(route);
  with_.routes.put(std::move(route));
}

void EndpointService::remove_route(std::string_view account, std::string_view region,
                                   std::string_view name) {
  with_.health.forget(account, region, name);
  with_.routes.remove(account, region, name);
}

Result<void> EndpointService::publish(const std::string& key) {
  std::lock_guard lock(publishing_);
  auto found = TRY(endpoints().get(in_.store, key));
  // A first fleet is routed before the endpoint is InService.
  if (found && (found->record.active || pending_share(found->record) > 0) &&
      found->record.status != endpoint_status::kDeleting) {
    put_route(TRY(route_of(found->record)));
    return {};
  }
  const std::vector<std::string> parts = store::split_key(key);
  if (parts.size() == 3) remove_route(parts[0], parts[1], parts[2]);
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
