// All of AWS's managed policies, such as "arn:aws:iam::aws:policy/AmazonS3FullAccess". The build
// reads them from a package, so their documents are those that AWS had when the package was made.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/managed_policies.h"

namespace tidemill::services::iam {

using ManagedPolicy = api::ManagedPolicyEntry;

// In the order of their ARNs.
std::span<const ManagedPolicy> managed_policies();
// nullptr when it is not among them.
const ManagedPolicy* find_managed_policy(std::string_view arn);
std::string managed_policy_arn(const ManagedPolicy& policy);
// The JSON text of its default version.
std::string managed_policy_document(const ManagedPolicy& policy);

}  // namespace tidemill::services::iam
