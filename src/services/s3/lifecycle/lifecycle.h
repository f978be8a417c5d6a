// Lifecycle of objects: the configuration's operations, and the sweep that acts on it.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

void add_lifecycle_operations(Registry& registry, Core& core);
// Which objects are too small to be moved.
std::string transition_sizes_of(const BucketRecord& record);

// Everything is due at a midnight (UTC), so a bucket is gone through once a day, and again when its
// configuration has changed. Runs beside requests, one sweep at a time.
class LifecycleSweep {
 public:
  explicit LifecycleSweep(Core& core) : core_(core) {}
  // `now` is the time for deletions. Tidemill.Cancelled when asked to stop.
  Result<void> run(Timestamp now, const std::stop_token& stop);

 private:
  struct Done {
    std::shared_ptr<const BucketRecord> record;  // the configuration that was acted on
    std::int64_t day = 0;
  };
  Core& core_;
  std::map<std::string, Done> done_;  // by bucket
};

}  // namespace tidemill::services::s3
