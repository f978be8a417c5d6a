// IAM's records in the store. IAM is global: keys begin with the account and have no region.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/value.h"
#include "services/iam/interface.h"
#include "store/table.h"

namespace tidemill::services::iam {

struct TagRecord {
  std::string key;
  std::string value;
};
TIDEMILL_RECORD(TagRecord, (), (key, value))

// A role with its policies and tags, so that a change is one write. Its parts are bounded
// (limits.h).
struct RoleRecord {
  std::string account, path, name, id;
  Timestamp created;
  std::string assume_role_policy;
  std::optional<std::string> description;
  std::int64_t max_session_duration_seconds = 3600;
  std::optional<std::string> permissions_boundary;
  std::vector<TagRecord> tags;
  std::map<std::string, std::string> inline_policies;  // document by name
  std::vector<std::string> attached_policies;          // ARNs, in the order they came
  // `created` is shown and has full seconds. {}: by a server that did not note it.
  Timestamp created_exactly;

  std::string arn() const { return "arn:aws:iam::" + account + ":role" + path + name; }
  Timestamp exact_creation() const { return std::max(created, created_exactly); }
};
TIDEMILL_RECORD(RoleRecord, (),
                (account, path, name, id, created, assume_role_policy, description,
                 max_session_duration_seconds, permissions_boundary, tags, inline_policies,
                 attached_policies, created_exactly))

// Whether a role of this exact creation was created after it was passed at `since` ({}: not known),
// so that it is another one under the name of a deleted role. A role "of the future" was created
// before the wall clock was set back, which says nothing.
bool created_after(Timestamp created, Timestamp since, Timestamp now);

struct AccessKeyRecord {
  std::string id, secret;
  bool active = true;
  Timestamp created;
};
TIDEMILL_RECORD(AccessKeyRecord, (), (id, secret, active, created))

// A user with its access keys and memberships, so that a change is one write.
struct UserRecord {
  std::string account, path, name, id;
  Timestamp created;
  std::optional<std::string> permissions_boundary;
  std::vector<TagRecord> tags;
  std::map<std::string, std::string> inline_policies;
  std::vector<std::string> attached_policies;
  std::vector<std::string> groups;  // ids, in the order they came
  std::vector<AccessKeyRecord> access_keys;

  std::string arn() const { return "arn:aws:iam::" + account + ":user" + path + name; }
};
TIDEMILL_RECORD(UserRecord, (),
                (account, path, name, id, created, permissions_boundary, tags, inline_policies,
                 attached_policies, groups, access_keys))

struct GroupRecord {
  std::string account, path, name, id;
  Timestamp created;
  std::map<std::string, std::string> inline_policies;
  std::vector<std::string> attached_policies;

  std::string arn() const { return "arn:aws:iam::" + account + ":group" + path + name; }
};
TIDEMILL_RECORD(GroupRecord, (),
                (account, path, name, id, created, inline_policies, attached_policies))

struct InstanceProfileRecord {
  std::string account, path, name, id;
  Timestamp created;
  std::vector<TagRecord> tags;
  std::optional<std::string> role;  // its name

  std::string arn() const { return "arn:aws:iam::" + account + ":instance-profile" + path + name; }
};
TIDEMILL_RECORD(InstanceProfileRecord, (), (account, path, name, id, created, tags, role))

struct PolicyVersionRecord {
  std::int64_t number = 1;  // shown as "v1"
  Timestamp created;
  std::string document;
};
TIDEMILL_RECORD(PolicyVersionRecord, (), (number, created, document))

// A customer's own managed policy.
struct PolicyRecord {
  std::string account, path, name, id;
  Timestamp created;
  std::string document;  // of the default version
  std::optional<std::string> description;
  std::vector<TagRecord> tags;
  // All of them, oldest first. Empty in records of servers that knew one version: all_versions().
  std::vector<PolicyVersionRecord> versions;
  std::int64_t default_version = 1;
  std::int64_t last_version = 1;  // the highest number that was given
  Timestamp updated;              // 0: as created

  std::string arn() const { return "arn:aws:iam::" + account + ":policy" + path + name; }
  std::vector<PolicyVersionRecord> all_versions() const {
    return versions.empty() ? std::vector{PolicyVersionRecord{1, created, document}} : versions;
  }
};
TIDEMILL_RECORD(PolicyRecord, (),
                (account, path, name, id, created, document, description, tags, versions,
                 default_version, last_version, updated))

struct AliasRecord {
  std::string account, alias;
};
TIDEMILL_RECORD(AliasRecord, (), (account, alias))

// When an access key was used last; written now and then.
struct KeyUseRecord {
  std::string access_key_id;
  Timestamp used;
  std::string service, region;
};
TIDEMILL_RECORD(KeyUseRecord, (), (access_key_id, used, service, region))

// Temporary credentials, until they expire.
struct SessionRecord {
  std::string access_key_id, secret_access_key, session_token;
  std::string account, arn, user_id;
  std::string role_name;  // empty for GetSessionToken
  bool root = false;
  Timestamp expiration;
  std::vector<std::string> policies;  // documents that narrow the session
  Timestamp issued;                   // 0: by a server that did not note it
  std::string source_identity;
  std::string holder;  // of the grant that it comes from, directly or by AssumeRole; "" none
  std::vector<TagRecord> tags;  // of the session, which count before those of the role
  std::vector<std::string> transitive_tag_keys;
  // The session of a federated user. `issuer_name` is the user who called GetFederationToken, whose
  // policies limit the session.
  bool federated = false;
  std::string issuer_name, issuer_id;  // the name is empty for root
  std::string provider;                // the provider's ARN, of AssumeRoleWithWebIdentity
};
TIDEMILL_RECORD(SessionRecord, (),
                (access_key_id, secret_access_key, session_token, account, arn, user_id, role_name,
                 root, expiration, policies, issued, source_identity, holder, tags,
                 transitive_tag_keys, federated, issuer_name, issuer_id, provider))

// An OpenID Connect provider, whose tokens roles may trust.
struct OidcProviderRecord {
  std::string account;
  std::string url;  // without "https://": "token.actions.githubusercontent.com", "host/path"
  Timestamp created;
  std::vector<std::string> client_ids;
  std::vector<std::string> thumbprints;  // SHA-1 of certificates, 40 hexadecimal digits
  std::vector<TagRecord> tags;

  std::string arn() const { return "arn:aws:iam::" + account + ":oidc-provider/" + url; }
};
TIDEMILL_RECORD(OidcProviderRecord, (), (account, url, created, client_ids, thumbprints, tags))

struct PasswordPolicyRecord {
  std::string account;
  std::int64_t minimum_length = 6;
  bool symbols = false, numbers = false, uppercase = false, lowercase = false;
  bool users_may_change = false;
  std::optional<std::int64_t> age_days_max, reuse_prevention;
  std::optional<bool> hard_expiry;
};
TIDEMILL_RECORD(PasswordPolicyRecord, (),
                (account, minimum_length, symbols, numbers, uppercase, lowercase, users_may_change,
                 age_days_max, reuse_prevention, hard_expiry))

// When the account's credential report was made last.
struct CredentialReportRecord {
  std::string account, content;
  Timestamp generated;
};
TIDEMILL_RECORD(CredentialReportRecord, (), (account, content, generated))

// The right to fetch a role's credentials, until it is revoked.
struct GrantRecord {
  RoleGrant grant;
  std::string token;
  // The id of the role that was passed; empty when there was none (`--auth any`). A role of the
  // same name, made later, is another one.
  std::string role_id;
};
TIDEMILL_RECORD(RoleGrant, (), (holder, role_arn, session_name, since))
TIDEMILL_RECORD(GrantRecord, (), (grant, token, role_id))

// A step that is taken once in the data folder's life, and not again whatever became of it.
struct FirstStepRecord {
  std::string name;
  Timestamp done;
};
TIDEMILL_RECORD(FirstStepRecord, (), (name, done))

// Index by_policy of roles, users and groups: account, policy ARN; by_boundary of roles and users.
const store::Table<RoleRecord>& roles_table();
const store::Table<UserRecord>& users_table();    // index by_group: account, group id
const store::Table<GroupRecord>& groups_table();  // index by_id: account, id
const store::Table<InstanceProfileRecord>& instance_profiles_table();  // index by_role
const store::Table<AliasRecord>& aliases_table();                      // by account; index by_alias
const store::Table<KeyUseRecord>& key_uses_table();                    // by access key id
const store::Table<PolicyRecord>& policies_table();
const store::Table<OidcProviderRecord>& oidc_providers_table();          // account, url
const store::Table<PasswordPolicyRecord>& password_policies_table();     // by account
const store::Table<CredentialReportRecord>& credential_reports_table();  // by account
const store::Table<SessionRecord>& sessions_table();                     // by access key id
const store::Table<GrantRecord>& grants_table();                         // by holder
const store::Table<FirstStepRecord>& first_steps_table();                // account, name

// Names are unique without regard to case, and kept as they were given.
std::string entity_key(std::string_view account, std::string_view name);
inline std::string role_key(std::string_view account, std::string_view name) {
  return entity_key(account, name);
}

inline constexpr std::string_view kAttachedPolicyIndex = "by_policy";
inline constexpr std::string_view kBoundaryIndex = "by_boundary";
inline constexpr std::string_view kGroupIndex = "by_group";
inline constexpr std::string_view kIdIndex = "by_id";
inline constexpr std::string_view kRoleIndex = "by_role";
inline constexpr std::string_view kAliasIndex = "by_alias";

}  // namespace tidemill::services::iam
