// Checks that AWS makes when a policy document is stored, beyond its grammar. A document that an
// older server stored is evaluated all the same.
#pragma once

#include <string_view>

#include "services/iam/policy_language/document.h"

namespace tidemill::services::iam {

// parse_policy(), and then: Sids, vendors of actions, partitions and paths of resources,
// values of conditions. MalformedPolicyDocument in AWS's wording.
Result<PolicyDocument> parse_new_policy(std::string_view text, PolicyKind kind);
// For customers' managed policies, which must name the present version of the language; inline
// policies need not.
Result<PolicyDocument> parse_new_managed_policy(std::string_view text);

}  // namespace tidemill::services::iam
