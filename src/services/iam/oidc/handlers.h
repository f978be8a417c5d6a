// OpenID Connect providers: CreateOpenIDConnectProvider to ListOpenIDConnectProviderTags.
#pragma once

#include "services/iam/state.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

void add_oidc_handlers(Registry& registry, State& state);

// NoSuchEntity when the account has no such provider.
Result<OidcProviderRecord> oidc_provider(State& state, std::string_view account,
                                         const std::string& arn);

}  // namespace tidemill::services::iam
