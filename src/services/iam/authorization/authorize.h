// From an operation and its input to what policies speak of: actions and resource ARNs.
//   TRY(iam::authorize_operation(*iam, principal, *route.service, *route.operation, region,
//   input));
// https://docs.aws.amazon.com/service-authorization/latest/reference/
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/schema.h"
#include "base/value.h"
#include "services/iam/interface.h"

namespace tidemill::services::iam {

struct RequiredAction {
  std::string action;    // "s3:GetObject"
  std::string resource;  // an ARN, or "*" for actions without one
  ConditionContext conditions = {};
};

// Empty for what every caller may do, and for AssumeRole, where the role's trust policy decides.
std::vector<RequiredAction> required_actions(const schema::Service& service,
                                             const schema::Operation& operation,
                                             std::string_view account, std::string_view region,
                                             const Value& input);

// AccessDenied (S3 and query services) or AccessDeniedException. Costs nothing for root.
Result<void> authorize_operation(IamInterface& iam, const Principal& principal,
                                 const schema::Service& service, const schema::Operation& operation,
                                 std::string_view region, const Value& input);

}  // namespace tidemill::services::iam
