// CreateGroup to ListGroupsForUser, and groups' policies.
#pragma once

#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

void add_group_handlers(Registry& registry, State& state);
void add_group_policy_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
