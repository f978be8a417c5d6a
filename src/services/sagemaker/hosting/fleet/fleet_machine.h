// The state machines of endpoints and inference components, which keep fleets up, as the engine
// sees them, and the tasks that they have in common.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "engine/transitions.h"
#include "services/sagemaker/hosting/fleet/fleet_events.h"
#include "services/sagemaker/hosting/fleet/fleet_listener.h"
#include "services/sagemaker/hosting/fleet/fleet_runner.h"
#include "services/sagemaker/hosting/fleet/fleet_transitions.h"

namespace tidemill::services::sagemaker::hosting {

// The tasks of one record run in no order: a start takes as long as a model takes to load, and
// nothing else waits for it. A task that the stopping server interrupts is no failed attempt.
template <class Record, class Transition, class RunTask>
engine::Machine make_fleet_machine(const char* name, const store::Table<Record>& table,
                                   FleetRunner& fleets, Transition transition, RunTask run_task) {
  engine::Machine machine = engine::make_machine(
      name, table, std::move(transition),
      [&fleets, run_task = std::move(run_task)](const Record& record, const engine::TaskRun& run) {
        engine::TaskResult result = run_task(record, run);
        if (!result && result.error().code == codes::kCancelled) fleets.await_engine_stop(run.stop);
        return result;
      });
  machine.sequential_tasks = false;
  return machine;
}

// kRestartServer of the record's active fleet: ServerReady, or `lost` when it does not come up.
engine::TaskResult restart_server(FleetRunner& fleets, FleetListener& listener,
                                  const FleetOwner& owner, const std::optional<Fleet>& active,
                                  const engine::TaskRun& run,
                                  engine::Event (*lost)(const ServerRef&));
// kEndServer.
engine::TaskResult end_server(FleetRunner& fleets, const FleetOwner& owner,
                              const engine::TaskRun& run);

// The time for which a task has waited for requests, derived from its number of looks and the
// pauses between them, which the engine counts: setting the wall clock neither cuts a request off
// nor keeps an instance.
std::chrono::seconds waited(const engine::TaskRun& run);
// Requests are under way that may still be answered.
bool drains(const FleetRunner& fleets, const LeavingInstances& leaving,
            std::chrono::seconds waited);
Result<void> stop_leaving(FleetRunner& fleets, const FleetOwner& owner,
                          const LeavingInstances& leaving);

// The task kStop for instances that are out of the routes: gives Stopped, or Draining while
// requests are under way.
engine::TaskResult stop_drained(FleetRunner& fleets, const FleetOwner& owner,
                                const std::vector<LeavingInstances>& leaving,
                                const engine::TaskRun& run);

// All instances of a record that is being deleted.
template <class Record>
std::vector<LeavingInstances> everything_of(const Record& record) {
  std::vector<LeavingInstances> all = record.leaving;
  for (const std::optional<Fleet>* fleet : {&record.pending, &record.active})
    if (*fleet) all.push_back({"", **fleet, {}, true, record.deleting_since.value_or(Timestamp{})});
  return all;
}

// A deletion waits for answers as long as SageMaker's own may take, not for the longer time that
// Tidemill allows: the name is taken meanwhile, and the client may be long gone.
inline constexpr std::chrono::seconds kDeletionDrainMax{60};

// kRemove, when the owner is out of the routes: stops all that the record has and what leaves it.
// False while requests are under way: Draining.
template <class Record>
Result<bool> stop_everything(FleetRunner& fleets, const Record& record,
                             const engine::TaskRun& run) {
  const std::vector<LeavingInstances> all = everything_of(record);
  const bool in_time = waited(run) < kDeletionDrainMax;
  for (const LeavingInstances& each : all)
    if (in_time && drains(fleets, each, waited(run))) return false;
  const FleetOwner owner = owner_of(record);
  for (const LeavingInstances& each : all) TRY(stop_leaving(fleets, owner, each));
  return true;
}
inline std::vector<engine::Event> draining(const engine::TaskRun& run) {
  const StopRef ref = engine::payload_of<StopRef>(run).value_or(StopRef{});
  return {engine::event_of(fleet_events::Draining{ref})};
}

}  // namespace tidemill::services::sagemaker::hosting
