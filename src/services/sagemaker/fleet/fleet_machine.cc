#include "services/sagemaker/fleet/fleet_machine.h"

#include "base/log.h"

namespace tidemill::services::sagemaker {

engine::TaskResult restart_server(FleetRunner& fleets, FleetListener& listener,
                                  const FleetOwner& owner, const std::optional<Fleet>& active,
                                  const engine::TaskRun& run, const char* lost) {
  const ServerRef ref = TRY(engine::payload_of<ServerRef>(run));
  // It may be gone, or have been started again, since this was asked for.
  Fleet fleet = active.value_or(Fleet{});
  if (!find_server(fleet, ref)) return std::vector<engine::Event>();
  Result<ServerRef> started = fleets.start_server(owner, fleet, ref);
  if (started) {
    listener.say(server_job_id(owner, ref),
                 "The model server was started again and answers GET /ping.");
    return std::vector<engine::Event>{{fleet_events::kServerReady, to_value(*started)}};
  }
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  log::warning("a model server does not come up",
               {{owner.kind, owner.name}, {"reason", started.error().message}});
  return std::vector<engine::Event>{{lost, to_value(ref)}};
}

engine::TaskResult end_server(FleetRunner& fleets, const FleetOwner& owner,
                              const engine::TaskRun& run) {
  const ServerRef ref = TRY(engine::payload_of<ServerRef>(run));
  TRY(fleets.end_server(owner, ref));
  return std::vector<engine::Event>();
}

bool drains(const FleetRunner& fleets, const Fleet& fleet, const std::vector<InstanceIndex>& which,
            Timestamp due, Timestamp now) {
  return fleets.under_way(fleet, which) > 0 && now < due + fleets.drain_time_max(fleet);
}

bool drains(const FleetRunner& fleets, const LeavingInstances& leaving, Timestamp now) {
  return drains(fleets, leaving.fleet, instances_of(leaving), leaving.due, now);
}

Result<void> stop_leaving(FleetRunner& fleets, const FleetOwner& owner,
                          const LeavingInstances& leaving) {
  return leaving.whole ? fleets.stop(owner, leaving.fleet)
                       : fleets.stop_instances(owner, leaving.fleet, leaving.instances);
}

engine::TaskResult stop_drained(FleetRunner& fleets, const FleetOwner& owner,
                                const std::vector<LeavingInstances>& leaving,
                                const engine::TaskRun& run, Timestamp now) {
  const StopRef ref = TRY(engine::payload_of<StopRef>(run));
  for (const LeavingInstances& each : leaving) {
    if (each.id != ref.id) continue;
    if (drains(fleets, each, now)) return draining(run);
    TRY(stop_leaving(fleets, owner, each));
  }
  return std::vector<engine::Event>{{fleet_events::kStopped, run.payload}};
}

}  // namespace tidemill::services::sagemaker
