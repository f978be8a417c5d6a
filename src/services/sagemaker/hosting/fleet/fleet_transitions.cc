#include "services/sagemaker/hosting/fleet/fleet_transitions.h"

#include <algorithm>

namespace tidemill::services::sagemaker::hosting {

std::vector<engine::Task> stop_again(const std::vector<LeavingInstances>& leaving) {
  std::vector<engine::Task> work;
  work.reserve(leaving.size());
  for (const LeavingInstances& each : leaving)
    work.push_back({fleet_tasks::kStop, to_value(StopRef{each.id}), kAgain});
  return work;
}

std::optional<engine::Task> look_again(const std::vector<LeavingInstances>& leaving, bool deleting,
                                       StopRef draining) {
  const bool everything = draining.id.empty();
  const bool known =
      std::ranges::find(leaving, draining.id, &LeavingInstances::id) != leaving.end();
  if (everything ? !deleting : !known) return std::nullopt;
  ++draining.looks;
  const std::chrono::seconds later(std::min<std::int64_t>(draining.looks, kDrainLookSecondsMax));
  return engine::Task{everything ? fleet_tasks::kRemove : fleet_tasks::kStop, to_value(draining),
                      later};
}

std::chrono::seconds waited_by(const StopRef& ref) {
  const std::int64_t short_looks = std::min<std::int64_t>(ref.looks, kDrainLookSecondsMax);
  return std::chrono::seconds(short_looks * (short_looks + 1) / 2 +
                              (ref.looks - short_looks) * kDrainLookSecondsMax);
}

Server* find_server(std::vector<LeavingInstances>& leaving, const ServerRef& ref) {
  for (LeavingInstances& each : leaving) {
    // Its fleet is as it was, with instances that stay.
    const bool leaves = std::ranges::any_of(instances_of(each), [&](const InstanceIndex& at) {
      return at.variant == ref.variant && at.instance == ref.instance;
    });
    if (Server* server = leaves ? find_server(each.fleet, ref) : nullptr) return server;
  }
  return nullptr;
}

engine::Task removal(std::chrono::seconds delay) {
  return {fleet_tasks::kRemove, to_value(StopRef{}), delay};
}

engine::Task restart(const ServerRef& ref) {
  return {fleet_tasks::kRestartServer, to_value(ref),
          std::chrono::seconds(restart_delay_seconds(ref.attempt))};
}

}  // namespace tidemill::services::sagemaker::hosting
