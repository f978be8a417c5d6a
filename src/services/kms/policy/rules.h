// Which key policies are accepted.
#pragma once

#include "services/kms/common/core.h"

namespace tidemill::services::kms {

// MalformedPolicyDocumentException; also when the caller could not change the policy afterwards,
// unless the check is bypassed.
Result<void> check_policy(Core& core, const Context& context, const KeyRecord& key,
                          const std::string& document, bool bypass_lockout_check);

}  // namespace tidemill::services::kms
