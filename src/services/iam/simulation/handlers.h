// SimulatePrincipalPolicy and SimulateCustomPolicy: the same evaluation that authorizes requests.
#pragma once

#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

void add_simulation_handlers(Registry& registry, State& state);
void add_context_key_handlers(Registry& registry, State& state);

}  // namespace tidemill::services::iam
