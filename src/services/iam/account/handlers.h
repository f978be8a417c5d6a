// The account as a whole: its alias, and how much it has of everything.
#pragma once

#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

void add_account_handlers(Registry& registry, State& state);
void add_password_policy_handlers(Registry& registry, State& state);
void add_credential_report_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
