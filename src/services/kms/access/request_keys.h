// The condition keys of a request that come from its own members.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
#pragma once

#include <string_view>

#include "base/value.h"
#include "services/iam/interface.h"

namespace tidemill::services::kms {

std::string text_of(const Value& input, std::string_view member);

// `context_member` holds the encryption context: "EncryptionContext".
iam::ConditionContext request_keys(const Context& context, const Value& input,
                                   std::string_view context_member);

}  // namespace tidemill::services::kms
