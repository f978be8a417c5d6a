#include "services/iam/records.h"

#include <algorithm>

#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {

TIDEMILL_RECORD_CODEC(TagRecord)
TIDEMILL_RECORD_CODEC(RoleRecord)
TIDEMILL_RECORD_CODEC(PolicyRecord)
TIDEMILL_RECORD_CODEC(SessionRecord)
TIDEMILL_RECORD_CODEC(RoleGrant)
TIDEMILL_RECORD_CODEC(GrantRecord)
TIDEMILL_RECORD_CODEC(FirstStepRecord)

const store::Table<RoleRecord>& roles_table() {
  static const store::Table<RoleRecord> table(
      "iam_roles", {{std::string(kAttachedPolicyIndex), [](const RoleRecord& role) {
                       std::vector<std::string> keys;
                       keys.reserve(role.attached_policies.size());
                       for (const std::string& arn : role.attached_policies)
                         keys.push_back(store::key({role.account, arn}));
                       return keys;
                     }}});
  return table;
}

const store::Table<PolicyRecord>& policies_table() {
  static const store::Table<PolicyRecord> table("iam_policies");
  return table;
}

const store::Table<SessionRecord>& sessions_table() {
  static const store::Table<SessionRecord> table("iam_sessions");
  return table;
}

const store::Table<GrantRecord>& grants_table() {
  static const store::Table<GrantRecord> table("iam_grants");
  return table;
}

const store::Table<FirstStepRecord>& first_steps_table() {
  static const store::Table<FirstStepRecord> table("iam_first_steps");
  return table;
}

bool created_after(const RoleRecord& role, Timestamp since, Timestamp now) {
  const Timestamp created = std::max(role.created, role.created_exactly);
  return since != Timestamp{} && created > since && created <= now;
}

std::string role_key(std::string_view account, std::string_view name) {
  return store::key({account, ascii_lower(name)});
}
std::string policy_key(std::string_view account, std::string_view name) {
  return store::key({account, ascii_lower(name)});
}

}  // namespace tidemill::services::iam
