#include "services/sagemaker/hosting/fleet/fleet_machine.h"

#include "base/log.h"

namespace tidemill::services::sagemaker::hosting {

engine::TaskResult restart_server(FleetRunner& fleets, FleetListener& listener,
                                  const FleetOwner& owner, const std::optional<Fleet>& active,
                                  const engine::TaskRun& run,
                                  engine::Event (*lost)(const ServerRef&)) {
  const ServerRef ref = TRY(engine::payload_of<ServerRef>(run));
  // It may be gone, or have been started again, since this was asked for.
  Fleet fleet = active.value_or(Fleet{});
  if (!find_server(fleet, ref)) return std::vector<engine::Event>();
  Result<ServerRef> started = fleets.start_server(owner, fleet, ref);
  if (started) {
    listener.say(server_job_id(owner, ref),
                 "The model server was started again and answers GET /ping.");
    return engine::events_of(fleet_events::ServerReady{*started});
  }
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  log::warning("a model server does not come up",
               {{owner.kind, owner.name}, {"reason", started.error().message}});
  return std::vector<engine::Event>{lost(ref)};
}

engine::TaskResult end_server(FleetRunner& fleets, const FleetOwner& owner,
                              const engine::TaskRun& run) {
  const ServerRef ref = TRY(engine::payload_of<ServerRef>(run));
  TRY(fleets.end_server(owner, ref));
  return std::vector<engine::Event>();
}

std::chrono::seconds waited(const engine::TaskRun& run) {
  return waited_by(engine::payload_of<StopRef>(run).value_or(StopRef{}));
}

bool drains(const FleetRunner& fleets, const LeavingInstances& leaving,
            std::chrono::seconds waited) {
  return fleets.under_way(leaving.fleet, instances_of(leaving)) > 0 &&
         waited < fleets.drain_time_max(leaving.fleet);
}

Result<void> stop_leaving(FleetRunner& fleets, const FleetOwner& owner,
                          const LeavingInstances& leaving) {
  return leaving.whole ? fleets.stop(owner, leaving.fleet)
                       : fleets.stop_instances(owner, leaving.fleet, leaving.instances);
}

engine::TaskResult stop_drained(FleetRunner& fleets, const FleetOwner& owner,
                                const std::vector<LeavingInstances>& leaving,
                                const engine::TaskRun& run) {
  const StopRef ref = TRY(engine::payload_of<StopRef>(run));
  for (const LeavingInstances& each : leaving) {
    if (each.id != ref.id) continue;
    if (drains(fleets, each, waited(run))) return draining(run);
    TRY(stop_leaving(fleets, owner, each));
  }
  return engine::events_of(fleet_events::Stopped{ref});
}

}  // namespace tidemill::services::sagemaker::hosting
