// CreateUser to ListUserTags, users' policies and access keys.
#pragma once

#include "api/iam/shared.h"
#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

// A user as ListUsers shows it.
api::iam::User api_user(const UserRecord& record);
// The calling user, when the request names none. ValidationError for callers that are no user.
Result<std::string> named_or_calling_user(const Context& context,
                                          const std::optional<std::string>& name);

void add_user_handlers(Registry& registry, State& state);
void add_user_policy_handlers(Registry& registry, State& state);
void add_access_key_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
