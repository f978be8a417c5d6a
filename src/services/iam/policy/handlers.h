// CreatePolicy to DeletePolicy: customers' managed policies, and AWS's own that are shipped.
#pragma once

#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

void add_policy_handlers(Registry& registry, State& state);
// Versions, tags, and who uses a policy.
void add_policy_version_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
