// For tests of the transitions of those that run fleets: events in, the record and its tasks out.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "services/sagemaker/hosting/fleet/fleet.h"

namespace tidemill::services::sagemaker::hosting {

inline constexpr Timestamp kTestNow{1'000'000};

// One variant, whose instances are not ready.
inline Fleet test_fleet(const std::string& id, std::int64_t instances = 1,
                        const char* engine = engines::kPython) {
  Fleet out;
  out.id = id;
  out.config_name = "config-" + id;
  Variant variant;
  variant.name = "AllTraffic";
  variant.containers.resize(1);
  variant.containers[0].engine = engine;
  variant.resize(instances);
  out.variants.push_back(variant);
  return out;
}

// These instances of it are up.
inline Fleet ready(Fleet fleet, const std::vector<InstanceIndex>& which) {
  for (const InstanceIndex& at : which)
    for (Server& server :
         fleet.variants[std::size_t(at.variant)].instances[std::size_t(at.instance)].servers)
      server = {server.attempt, 4000 + at.instance, true, false};
  return fleet;
}

template <class Record, Result<std::optional<engine::Step<Record>>> (*kTransition)(
                            const Record&, const engine::Event&, Timestamp)>
struct TestMachine {
  Record record;
  std::vector<engine::Task> tasks;  // of the last event that applied

  // False when the event was stale: nothing changes then.
  bool apply(const engine::Event& event) {
    auto step = kTransition(record, event, kTestNow);
    EXPECT_TRUE(step) << step.error().message;
    if (!step || !*step) return false;
    record = (*step)->next;
    tasks = (*step)->tasks;
    return true;
  }
  // The engine gave up on a task of this type.
  bool give_up(const std::string& task, const std::string& message = "") {
    return apply({"TaskFailed", to_value(engine::TaskFailure{task, "", message})});
  }
  const engine::Task* task(std::string_view type) const {
    for (const engine::Task& each : tasks)
      if (each.type == type) return &each;
    return nullptr;
  }
  std::vector<std::string> task_types() const {
    std::vector<std::string> types;
    for (const engine::Task& each : tasks) types.push_back(each.type);
    return types;
  }
};

}  // namespace tidemill::services::sagemaker::hosting
