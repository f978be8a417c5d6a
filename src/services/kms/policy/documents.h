// The policies of keys that were made without one, and of AWS managed keys.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill::services::kms {

inline constexpr std::int64_t kRotationDaysDefault = 365;

// Leaves the decision to the account's IAM policies.
std::string default_policy(std::string_view account);
// Lets everybody in the account use the key through the service, and look at it.
std::string managed_policy(std::string_view account, std::string_view region,
                           std::string_view service);

}  // namespace tidemill::services::kms
