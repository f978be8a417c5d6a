// Which grants hold, and for whom.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/kms/common/core.h"
#include "services/kms/crypto/ciphertext.h"

namespace tidemill::services::kms {

inline constexpr std::string_view kContextKeyPrefix = "kms:EncryptionContext:";

// Whether a grant on the key lets one of the principals do this. `context` is the request's, for
// operations that have one.
Result<bool> is_granted(Core& core, const std::string& key_id, std::string_view operation,
                        const std::vector<std::string>& principals,
                        const iam::ConditionContext& conditions);

// Opaque; names the grant, and cannot be made up.
std::string grant_token(Core& core, const GrantRecord& grant);
// InvalidGrantTokenException. nullopt: the grant is gone.
Result<std::optional<store::Versioned<GrantRecord>>> grant_of_token(Core& core,
                                                                    const std::string& token);

// Whether the grant names the caller as one who may retire it: its retiring principal, or its
// grantee when it has the operation RetireGrant.
bool may_retire(const GrantRecord& grant, const Principal& principal);

}  // namespace tidemill::services::kms
