// The common part of the transitions of endpoints and inference components, which keep fleets up:
// names, instances that leave and are stopped later, servers that are started again. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "services/sagemaker/hosting/fleet/fleet.h"

namespace tidemill::services::sagemaker::hosting {

// The names of the events of fleet_events.h.
namespace fleet_events {
inline constexpr const char* kUpdateRequested = "UpdateRequested";  // the owner's
inline constexpr const char* kAdvance = "Advance";
inline constexpr const char* kTimeOut = "TimeOut";
inline constexpr const char* kDraining = "Draining";
inline constexpr const char* kStopped = "Stopped";
inline constexpr const char* kServerExited = "ServerExited";
inline constexpr const char* kServerUnhealthy = "ServerUnhealthy";
inline constexpr const char* kServerReady = "ServerReady";
inline constexpr const char* kDeleteRequested = "DeleteRequested";
inline constexpr const char* kTaskFailed = "TaskFailed";  // the engine's TaskFailure
}  // namespace fleet_events

namespace fleet_tasks {
inline constexpr const char* kPublish = "Publish";
inline constexpr const char* kStop = "Stop";                    // StopRef
inline constexpr const char* kRestartServer = "RestartServer";  // ServerRef
inline constexpr const char* kEndServer = "EndServer";          // ServerRef
inline constexpr const char* kAdvance = "Advance";              // a timer; InstancesRef
inline constexpr const char* kTimeOut = "TimeOut";              // a timer; InstancesRef
inline constexpr const char* kRemove = "Remove";                // StopRef
}  // namespace fleet_tasks

// The time from the removal of an instance's routes to the first look at it: requests that had read
// the routes have begun by then. The instance is stopped once nothing is under way on it.
inline constexpr int kDrainSeconds = 5;
// The pause before a task that the engine gave up, but that must happen at last, is asked for
// again.
inline constexpr std::chrono::seconds kAgain{5};

// Notes the instances that leave, so that a deletion finds them, and makes the task that stops
// them. The record has the members `leaving`, `leaving_count` and `modified`, which is now.
template <class Record>
engine::Task leave(Record& next, LeavingInstances what, std::int64_t delay_seconds) {
  what.id = std::to_string(next.leaving_count++);
  what.due = next.modified + std::chrono::seconds(delay_seconds);
  const StopRef ref{what.id};
  next.leaving.push_back(std::move(what));
  return {fleet_tasks::kStop, to_value(ref), std::chrono::seconds(delay_seconds)};
}

// Stopped has come; false when nothing of that name leaves.
inline bool forget(std::vector<LeavingInstances>& leaving, const StopRef& stopped) {
  return std::erase_if(leaving, [&](const auto& each) { return each.id == stopped.id; }) > 0;
}

// Draining has come: the task that looks again, later. nullopt when nothing of that name leaves.
std::optional<engine::Task> look_again(const std::vector<LeavingInstances>& leaving, bool deleting,
                                       StopRef draining);

// The pauses before the looks there were: 1 + 2 + ... seconds.
std::chrono::seconds waited_by(const StopRef& ref);

// Stops everything again that leaves.
std::vector<engine::Task> stop_again(const std::vector<LeavingInstances>& leaving);

// Starts the server, after the delay that its attempt has to wait.
engine::Task restart(const ServerRef& ref);

// Removes the owner once nothing is under way on its fleets.
engine::Task removal(std::chrono::seconds delay = {});

// The server among what leaves; nullptr when it stays.
Server* find_server(std::vector<LeavingInstances>& leaving, const ServerRef& ref);

// The record's active or pending fleet of that id; nullptr when it has none.
template <class Record>
const Fleet* wanted_fleet(const Record& record, std::string_view id) {
  for (const std::optional<Fleet>* fleet : {&record.active, &record.pending})
    if (*fleet && (*fleet)->id == id) return &**fleet;
  return nullptr;
}

// One that leaves counts, too.
template <class Record>
const Fleet* find_fleet(const Record& record, std::string_view id) {
  if (const Fleet* wanted = wanted_fleet(record, id)) return wanted;
  for (const LeavingInstances& each : record.leaving)
    if (each.fleet.id == id) return &each.fleet;
  return nullptr;
}

}  // namespace tidemill::services::sagemaker::hosting
