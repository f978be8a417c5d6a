// Rotates keys when their period is over, and deletes them when their waiting period is.
#pragma once

#include "services/kms/common/core.h"

namespace tidemill::services::kms {

// To be called every few seconds. `deletions_now` is a wall-clock time known to be right: a
// deletion cannot be undone.
Result<void> sweep_keys(Core& core, Timestamp deletions_now);

}  // namespace tidemill::services::kms
