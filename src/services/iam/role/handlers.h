// CreateRole to ListRoleTags. Each takes what it needs by reference; all are thread-safe.
#pragma once

#include "services/iam/state.h"
#include "services/service.h"

namespace tidemill::services::iam {

void add_role_handlers(Registry& registry, State& state);
// Inline and attached policies of roles.
void add_role_policy_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
