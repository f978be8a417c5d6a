// What IAM keeps in the store. IAM is global: keys begin with the account and have no region.
#pragma once

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

// With all that hangs on it, so that a change is one write. Its parts are bounded (limits.h).
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
};
TIDEMILL_RECORD(RoleRecord, (),
                (account, path, name, id, created, assume_role_policy, description,
                 max_session_duration_seconds, permissions_boundary, tags, inline_policies,
                 attached_policies, created_exactly))

// Whether the role was created after it was passed at `since` ({}: not known), so that it is
// another one under the name of a deleted role. A role "of the future" was created before the wall
// clock was set back, which says nothing.
bool created_after(const RoleRecord& role, Timestamp since, Timestamp now);

// A customer's own managed policy.
struct PolicyRecord {
  std::string account, path, name, id;
  Timestamp created;
  std::string document;
  std::optional<std::string> description;
  std::vector<TagRecord> tags;

  std::string arn() const { return "arn:aws:iam::" + account + ":policy" + path + name; }
};
TIDEMILL_RECORD(PolicyRecord, (), (account, path, name, id, created, document, description, tags))

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
};
TIDEMILL_RECORD(SessionRecord, (),
                (access_key_id, secret_access_key, session_token, account, arn, user_id, role_name,
                 root, expiration, policies, issued, source_identity, holder))

// Who may fetch a role's credentials, until it is revoked.
struct GrantRecord {
  RoleGrant grant;
  std::string token;
  // Of the role that was passed; empty when there was none (`--auth any`). A role of the same name,
  // made later, is another one.
  std::string role_id;
};
TIDEMILL_RECORD(RoleGrant, (), (holder, role_arn, session_name, since))
TIDEMILL_RECORD(GrantRecord, (), (grant, token, role_id))

// What was done once in the data folder's life, and is not done again whatever became of it.
struct FirstStepRecord {
  std::string name;
  Timestamp done;
};
TIDEMILL_RECORD(FirstStepRecord, (), (name, done))

const store::Table<RoleRecord>& roles_table();  // index by_policy: account, policy ARN
const store::Table<PolicyRecord>& policies_table();
const store::Table<SessionRecord>& sessions_table();       // by access key id
const store::Table<GrantRecord>& grants_table();           // by holder
const store::Table<FirstStepRecord>& first_steps_table();  // account, name

// Names are unique without regard to case, and kept as they were given.
std::string role_key(std::string_view account, std::string_view name);
std::string policy_key(std::string_view account, std::string_view name);

inline constexpr std::string_view kAttachedPolicyIndex = "by_policy";

}  // namespace tidemill::services::iam
