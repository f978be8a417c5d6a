// How many refused calls of callers without credentials become records.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include "base/clock.h"

namespace tidemill::services::cloudtrail {

// A token bucket. Whoever reaches the server can be refused as often as they like, and must not
// fill its disk by that. Thread-safe.
class StrangerBudget {
 public:
  static constexpr std::int64_t kAtOnceMax = 200;
  static constexpr std::chrono::seconds kBetween{1};  // in which one more is admitted
  static constexpr std::chrono::minutes kBetweenReports{1};

  struct Verdict {
    bool admitted = false;
    std::int64_t to_report = 0;  // calls left out since the last report; 0: no report is due
  };

  Verdict take(Timestamp now) {
    std::lock_guard lock(mutex_);
    const std::int64_t each = std::chrono::microseconds(kBetween).count();
    // A clock that was set back earns nothing, and costs nothing.
    if (last_.microseconds != 0)
      earned_ = std::min(
          kAtOnceMax * each,
          earned_ + std::max<std::int64_t>(
                        0, std::min(kAtOnceMax * each, now.microseconds - last_.microseconds)));
    last_ = now;
    if (earned_ >= each) {
      earned_ -= each;
      return {.admitted = true};
    }
    ++left_out_;
    const std::int64_t since = now.microseconds - reported_.microseconds;
    if (since >= 0 && since < std::chrono::microseconds(kBetweenReports).count()) return {};
    reported_ = now;
    return {.to_report = std::exchange(left_out_, 0)};
  }

 private:
  std::mutex mutex_;
  // All guarded by mutex_.
  std::int64_t earned_ = kAtOnceMax * std::chrono::microseconds(kBetween).count();
  Timestamp last_, reported_;
  std::int64_t left_out_ = 0;
};

}  // namespace tidemill::services::cloudtrail
