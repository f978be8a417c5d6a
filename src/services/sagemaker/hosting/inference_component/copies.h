// The copies of a component: the instances of its fleet's only variant.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "services/sagemaker/hosting/inference_component/inference_component.h"

namespace tidemill::services::sagemaker::hosting {

inline std::vector<Instance>& copies_of(Fleet& fleet) { return fleet.variants.front().instances; }
inline std::int64_t count_of(const Fleet& fleet) {
  return std::ssize(fleet.variants.front().instances);
}

inline LeavingInstances copies_leave(const Fleet& fleet, std::vector<InstanceIndex> which) {
  return {"", fleet, std::move(which), false};
}
inline LeavingInstances fleet_leaves(const Fleet& fleet) { return {"", fleet, {}, true}; }

// The first copy whose first start is not over, and all after it; empty when there is none.
std::vector<InstanceIndex> from_first_starting(const Fleet& fleet);

// Changes the number of copies of the active fleet. New copies get attempt numbers that no copy in
// their place has had, since that one may still be ending.
void resize(InferenceComponent& next, std::int64_t count);

// Starts again what was to be started again and is still down.
std::vector<engine::Task> restart_again(const InferenceComponent& next);

}  // namespace tidemill::services::sagemaker::hosting
