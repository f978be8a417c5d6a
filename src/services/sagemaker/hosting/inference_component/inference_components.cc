#include "services/sagemaker/hosting/inference_component/inference_components.h"

#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/inference_component/events.h"
#include "services/sagemaker/hosting/inference_component/transitions.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace tasks = component_tasks;
namespace events = component_events;

using Events = std::vector<engine::Event>;

Result<std::optional<std::string>> log_stream_of(store::Store& store, const std::string& key,
                                                 const ServerRef& ref) {
  auto found = TRY(inference_components().get(store, key));
  if (!found) return std::optional<std::string>();
  Variant variant;
  variant.name = found->record.variant;
  if (const Fleet* fleet = find_fleet(found->record, ref.fleet)) variant = fleet->variants.front();
  return std::optional(server_log_stream(variant, ref));
}

}  // namespace

FleetOwners component_owners(store::Store& store) {
  return {kComponentMachine, kComponentLogGroup,
          [&store](const std::string& key, const ServerRef& ref) {
            return log_stream_of(store, key, ref);
          }};
}

InferenceComponents::InferenceComponents(const Dependencies& dependencies, FleetRunner& fleets,
                                         HostedComponents& hosted, EndpointService& endpoints,
                                         FleetListener& servers)
    : in_(dependencies),
      fleets_(fleets),
      endpoints_(endpoints),
      servers_(servers),
      handlers_(dependencies, hosted) {}

std::vector<store::TableSpec> InferenceComponents::tables() {
  return {inference_components().spec()};
}

void InferenceComponents::add_to(engine::Engine& engine) {
  engine.add(
      make_fleet_machine(kComponentMachine, inference_components(), fleets_, component_transition,
                         [this](const InferenceComponent& component, const engine::TaskRun& run) {
                           return run_task(component, run);
                         }));
}

void InferenceComponents::add_to(Registry& registry) { handlers_.add_to(registry); }

engine::TaskResult InferenceComponents::run_task(const InferenceComponent& component,
                                                 const engine::TaskRun& run) {
  if (run.type == tasks::kStartCopies) return start_copies(component, run);
  if (run.type == tasks::kStop) return stop_copies(component, run);
  if (run.type == tasks::kRestartServer)
    return restart_server(
        fleets_, servers_, owner_of(component), component.active, run,
        [](const ServerRef& ref) { return engine::event_of(events::RestartFailed{ref}); });
  if (run.type == tasks::kEndServer) return end_server(fleets_, owner_of(component), run);
  if (run.type == tasks::kRemove) return remove(component, run);
  if (run.type == tasks::kPublish) {
    TRY(publish(component));
    return engine::events_of(events::Published{TRY(engine::payload_of<std::int64_t>(run))});
  }
  if (run.type == tasks::kAdvance)
    return engine::events_of(events::Advance{TRY(engine::payload_of<InstancesRef>(run))});
  if (run.type == tasks::kTimeOut)
    return engine::events_of(events::TimeOut{TRY(engine::payload_of<InstancesRef>(run))});
  return fail(codes::kInvalid, "unknown task " + run.type);
}

engine::TaskResult InferenceComponents::start_copies(const InferenceComponent& component,
                                                     const engine::TaskRun& run) {
  InstancesRef ref = TRY(engine::payload_of<InstancesRef>(run));
  const Fleet* fleet = wanted_fleet(component, ref.fleet);
  if (!fleet || component.status == component_status::kDeleting) return Events();
  const FleetOwner owner = owner_of(component);
  Result<Fleet> started = fleets_.start(owner, *fleet, ref.instances);
  if (!started && started.error().code == codes::kCancelled) return fail(started.error());
  // Whoever took the copies away meanwhile may have stopped them before there was anything to stop.
  auto now = TRY(inference_components().get(in_.store, run.key));
  if (!now) {
    TRY(fleets_.stop(owner, *fleet));
    return Events();
  }
  if (now->record.status == component_status::kDeleting || !wanted_fleet(now->record, ref.fleet)) {
    TRY(fleets_.stop_instances(owner, *fleet, ref.instances));
    return Events();
  }
  if (started) return engine::events_of(events::CopiesReady{*started});
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  ref.reason = started.error().message;
  return engine::events_of(events::CopiesFailed{ref});
}

engine::TaskResult InferenceComponents::stop_copies(const InferenceComponent& component,
                                                    const engine::TaskRun& run) {
  const StopRef ref = TRY(engine::payload_of<StopRef>(run));
  // The publication that takes them out of the routes may be waiting still.
  if (ref.looks == 0) TRY(publish(component));
  return stop_drained(fleets_, owner_of(component), component.leaving, run);
}

engine::TaskResult InferenceComponents::remove(const InferenceComponent& component,
                                               const engine::TaskRun& run) {
  TRY(publish(component));
  if (!TRY(stop_everything(fleets_, component, run))) return draining(run);
  store::Transaction transaction;
  erase_tags(transaction, component.arn);
  TRY(in_.engine.erase(kComponentMachine, run.key, std::move(transaction)));
  return Events();
}

Result<void> InferenceComponents::publish(const InferenceComponent& component) {
  return endpoints_.publish(endpoint_key(component.account, component.region, component.endpoint));
}

}  // namespace tidemill::services::sagemaker::hosting
