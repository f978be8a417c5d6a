// The number of training jobs at each stage, for /_tidemill/metrics: a projection of their events.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "engine/outbox.h"
#include "store/store.h"

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker::jobs {

// Thread-safe. Keeps the jobs that are under way, and only counts those that end.
class TrainingJobCounts {
 public:
  explicit TrainingJobCounts(store::Store& store) : store_(store) {}
  // Call before the outbox starts; this must live until the outbox has stopped.
  void add_to(engine::Outbox& outbox);
  void add_to(platform::MetricRegistry& metrics) const;

 private:
  Result<void> rebuild();
  void apply(const engine::PublishedEvent& event);

  store::Store& store_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::string> stages_;  // by ARN; guarded by mutex_
  std::map<std::string, std::uint64_t> ended_;           // by status; guarded by mutex_
};

}  // namespace tidemill::services::sagemaker::jobs
