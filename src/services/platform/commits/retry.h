// Repeats a change when somebody else changed the same record between its read and its commit.
#pragma once

#include "base/error.h"

namespace tidemill::services::platform {

// Beyond this many attempts in a row, the record is too busy and the caller gets the conflict.
inline constexpr int kCommitAttemptsMax = 16;

// Calls `attempt`, which reads, changes and commits, until its result is no Tidemill.Conflict.
// Returns its last result.
template <class Attempt>
auto retry_conflicts(Attempt attempt, int attempts_max = kCommitAttemptsMax)
    -> decltype(attempt()) {
  for (int count = 1;; ++count) {
    auto result = attempt();
    if (result || result.error().code != codes::kConflict || count >= attempts_max) return result;
  }
}

}  // namespace tidemill::services::platform
