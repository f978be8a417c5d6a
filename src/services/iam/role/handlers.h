// CreateRole to ListRoleTags. Each takes what it needs by reference; all are thread-safe.
#pragma once

#include "api/iam/shared.h"
#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

// The role as ListRoles shows it. Documents travel percent-encoded in answers, as IAM sends them;
// clients decode them.
api::iam::Role api_role(const RoleRecord& record);

void add_role_handlers(Registry& registry, State& state);
void add_service_linked_role_handlers(Registry& registry, State& state);
// Inline and attached policies of roles.
void add_role_policy_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
