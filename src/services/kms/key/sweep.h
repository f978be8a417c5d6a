// What happens to keys when their time comes: automatic rotation, and the end of the waiting
// period before a deletion.
#pragma once

#include "services/kms/common/core.h"

namespace tidemill::services::kms {

// To be called every few seconds. `deletions_now` is a wall-clock time known to be right: a
// deletion cannot be undone.
Result<void> sweep_keys(Core& core, Timestamp deletions_now);

}  // namespace tidemill::services::kms
