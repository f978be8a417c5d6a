// CreateInstanceProfile to ListInstanceProfileTags: a role's wrapping for machines.
#pragma once

#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

void add_instance_profile_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
