#include "services/iam/invariants.h"

#include <algorithm>
#include <set>

namespace tidemill::services::iam {
namespace {

template <class Record>
std::string_view named(const Record& record) {
  if (record.account.empty() || record.name.empty()) return "it has an account and a name";
  if (!record.path.starts_with('/') || !record.path.ends_with('/'))
    return "its path begins and ends with a slash";
  if (record.id.empty()) return "it has an id, which tells it from its namesakes";
  return {};
}

bool has_duplicates(const std::vector<std::string>& list) {
  std::set<std::string_view> seen;
  return !std::ranges::all_of(list,
                              [&](const std::string& each) { return seen.insert(each).second; });
}

constexpr std::string_view kAttachedTwice = "a policy is attached once";

}  // namespace

std::string_view invariant(const RoleRecord& role) {
  if (const std::string_view wrong = named(role); !wrong.empty()) return wrong;
  if (role.assume_role_policy.empty()) return "a role says who may assume it";
  return has_duplicates(role.attached_policies) ? kAttachedTwice : std::string_view();
}

std::string_view invariant(const UserRecord& user) {
  if (const std::string_view wrong = named(user); !wrong.empty()) return wrong;
  if (has_duplicates(user.groups)) return "a user is in a group once";
  return has_duplicates(user.attached_policies) ? kAttachedTwice : std::string_view();
}

std::string_view invariant(const GroupRecord& group) {
  if (const std::string_view wrong = named(group); !wrong.empty()) return wrong;
  return has_duplicates(group.attached_policies) ? kAttachedTwice : std::string_view();
}

std::string_view invariant(const InstanceProfileRecord& profile) { return named(profile); }

std::string_view invariant(const PolicyRecord& policy) {
  if (const std::string_view wrong = named(policy); !wrong.empty()) return wrong;
  if (policy.document.empty()) return "a policy has a document";
  const bool has_default =
      policy.versions.empty() ||
      std::ranges::any_of(policy.versions, [&](const PolicyVersionRecord& version) {
        return version.number == policy.default_version && version.document == policy.document;
      });
  return has_default ? std::string_view() : "a policy's document is that of its default version";
}

std::string_view invariant(const AliasRecord& alias) {
  if (alias.account.empty() || alias.alias.empty()) return "an alias names an account";
  return {};
}

std::string_view invariant(const KeyUseRecord& use) {
  return use.access_key_id.empty() ? "a use is of an access key" : "";
}

std::string_view invariant(const SessionRecord& session) {
  if (session.access_key_id.empty() || session.secret_access_key.empty() ||
      session.session_token.empty())
    return "temporary credentials are a key id, a secret and a token";
  if (session.account.empty() || session.arn.empty()) return "a session is somebody's";
  return {};
}

std::string_view invariant(const GrantRecord& grant) {
  if (grant.grant.holder.empty() || grant.grant.role_arn.empty())
    return "a grant gives a role to a holder";
  return grant.token.empty() ? "a grant is used with its token" : "";
}

std::string_view invariant(const FirstStepRecord& step) {
  return step.name.empty() ? "a first step has a name" : "";
}

}  // namespace tidemill::services::iam
