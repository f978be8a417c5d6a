#include "services/iam/invariants.h"

#include <set>

namespace tidemill::services::iam {

std::string_view invariant(const RoleRecord& role) {
  if (role.account.empty() || role.name.empty()) return "a role has an account and a name";
  if (!role.path.starts_with('/') || !role.path.ends_with('/'))
    return "a role's path begins and ends with a slash";
  if (role.id.empty()) return "a role has an id, by which sessions tell it from its namesakes";
  if (role.assume_role_policy.empty()) return "a role says who may assume it";
  std::set<std::string_view> seen;
  for (const std::string& arn : role.attached_policies)
    if (!seen.insert(arn).second) return "a policy is attached once";
  return {};
}

}  // namespace tidemill::services::iam
