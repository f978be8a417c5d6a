#include "services/iam/records.h"

#include "services/iam/invariants.h"

#include <algorithm>

#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {

TIDEMILL_RECORD_CODEC(TagRecord)
TIDEMILL_RECORD_CODEC(RoleRecord)
TIDEMILL_RECORD_CODEC(AccessKeyRecord)
TIDEMILL_RECORD_CODEC(UserRecord)
TIDEMILL_RECORD_CODEC(GroupRecord)
TIDEMILL_RECORD_CODEC(InstanceProfileRecord)
TIDEMILL_RECORD_CODEC(PolicyVersionRecord)
TIDEMILL_RECORD_CODEC(PolicyRecord)
TIDEMILL_RECORD_CODEC(AliasRecord)
TIDEMILL_RECORD_CODEC(KeyUseRecord)
TIDEMILL_RECORD_CODEC(SessionRecord)
TIDEMILL_RECORD_CODEC(OidcProviderRecord)
TIDEMILL_RECORD_CODEC(PasswordPolicyRecord)
TIDEMILL_RECORD_CODEC(CredentialReportRecord)
TIDEMILL_RECORD_CODEC(RoleGrant)
TIDEMILL_RECORD_CODEC(GrantRecord)
TIDEMILL_RECORD_CODEC(FirstStepRecord)

namespace {

template <class Record>
typename store::Table<Record>::Index by_policy() {
  return {std::string(kAttachedPolicyIndex), [](const Record& record) {
            std::vector<std::string> keys;
            keys.reserve(record.attached_policies.size());
            for (const std::string& arn : record.attached_policies)
              keys.push_back(store::key({record.account, arn}));
            return keys;
          }};
}

template <class Record>
typename store::Table<Record>::Index by_boundary() {
  return {std::string(kBoundaryIndex), [](const Record& record) {
            std::vector<std::string> keys;
            if (record.permissions_boundary)
              keys.push_back(store::key({record.account, *record.permissions_boundary}));
            return keys;
          }};
}

}  // namespace

const store::Table<RoleRecord>& roles_table() {
  static const store::Table<RoleRecord> table(
      "iam_roles", {by_policy<RoleRecord>(), by_boundary<RoleRecord>()}, &invariant);
  return table;
}

const store::Table<UserRecord>& users_table() {
  static const store::Table<UserRecord> table("iam_users",
                                              {by_policy<UserRecord>(),
                                               by_boundary<UserRecord>(),
                                               {std::string(kGroupIndex),
                                                [](const UserRecord& user) {
                                                  std::vector<std::string> keys;
                                                  keys.reserve(user.groups.size());
                                                  for (const std::string& id : user.groups)
                                                    keys.push_back(store::key({user.account, id}));
                                                  return keys;
                                                }}},
                                              &invariant);
  return table;
}

const store::Table<GroupRecord>& groups_table() {
  static const store::Table<GroupRecord> table(
      "iam_groups",
      {by_policy<GroupRecord>(),
       {std::string(kIdIndex),
        [](const GroupRecord& group) {
          return std::vector{store::key({group.account, group.id})};
        }}},
      &invariant);
  return table;
}

const store::Table<InstanceProfileRecord>& instance_profiles_table() {
  static const store::Table<InstanceProfileRecord> table(
      "iam_instance_profiles",
      {{std::string(kRoleIndex),
        [](const InstanceProfileRecord& profile) {
          std::vector<std::string> keys;
          if (profile.role) keys.push_back(role_key(profile.account, *profile.role));
          return keys;
        }}},
      &invariant);
  return table;
}

const store::Table<AliasRecord>& aliases_table() {
  static const store::Table<AliasRecord> table(
      "iam_account_aliases",
      {{std::string(kAliasIndex),
        [](const AliasRecord& record) { return std::vector{store::key({record.alias})}; }}},
      &invariant);
  return table;
}

const store::Table<KeyUseRecord>& key_uses_table() {
  static const store::Table<KeyUseRecord> table("iam_key_uses", {}, &invariant);
  return table;
}

const store::Table<PolicyRecord>& policies_table() {
  static const store::Table<PolicyRecord> table("iam_policies", {}, &invariant);
  return table;
}

const store::Table<OidcProviderRecord>& oidc_providers_table() {
  static const store::Table<OidcProviderRecord> table("iam_oidc_providers");
  return table;
}

const store::Table<PasswordPolicyRecord>& password_policies_table() {
  static const store::Table<PasswordPolicyRecord> table("iam_password_policies");
  return table;
}

const store::Table<CredentialReportRecord>& credential_reports_table() {
  static const store::Table<CredentialReportRecord> table("iam_credential_reports");
  return table;
}

const store::Table<SessionRecord>& sessions_table() {
  static const store::Table<SessionRecord> table("iam_sessions", {}, &invariant);
  return table;
}

const store::Table<GrantRecord>& grants_table() {
  static const store::Table<GrantRecord> table("iam_grants", {}, &invariant);
  return table;
}

const store::Table<FirstStepRecord>& first_steps_table() {
  static const store::Table<FirstStepRecord> table("iam_first_steps", {}, &invariant);
  return table;
}

bool created_after(Timestamp created, Timestamp since, Timestamp now) {
  return since != Timestamp{} && created > since && created <= now;
}

std::string entity_key(std::string_view account, std::string_view name) {
  return store::key({account, ascii_lower(name)});
}

}  // namespace tidemill::services::iam
