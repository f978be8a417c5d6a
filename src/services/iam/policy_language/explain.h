// Why policies refuse: which statement of which policy denies, or where no statement allows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/iam/policy_language/evaluate.h"

namespace tidemill::services::iam {

// A resource's own policy, and who asks, as it sees them. Borrowed.
struct ResourceDocument {
  const PolicyDocument& document;
  const PrincipalCandidate& candidate;
};

// The end of a denial, for a question that decide() does not allow:
//   " with an explicit deny in an identity-based policy: <ARN or name>, statement 2 (NoDeletes)"
//   " because no permissions boundary allows the s3:PutObject action"
std::string explain_refusal(const CallerPolicies& caller, const std::optional<ResourceSide>& side,
                            const std::optional<ResourceDocument>& resource,
                            const Question& question);

}  // namespace tidemill::services::iam
