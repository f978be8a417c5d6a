// GetUser. Users are not implemented: the only principals are the account's root and roles.
#pragma once

#include "services/iam/state.h"
#include "services/service.h"

namespace tidemill::services::iam {

void add_user_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
