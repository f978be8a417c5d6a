#include "services/iam/invariants.h"

#include <algorithm>
#include <set>

namespace tidemill::services::iam {
namespace {

template <class Record>
std::string_view named(const Record& record) {
  if (record.account.empty() || record.name.empty()) return "it must have an account and a name";
  if (!record.path.starts_with('/') || !record.path.ends_with('/'))
    return "its path must begin and end with a slash";
  if (record.id.empty())
    return "it must have an id, which distinguishes it from later ones of the same name";
  return {};
}

bool has_duplicates(const std::vector<std::string>& list) {
  std::set<std::string_view> seen;
  return !std::ranges::all_of(list,
                              [&](const std::string& each) { return seen.insert(each).second; });
}

constexpr std::string_view kAttachedTwice = "a policy must not be attached twice";

}  // namespace

std::string_view invariant(const RoleRecord& role) {
  if (const std::string_view wrong = named(role); !wrong.empty()) return wrong;
  if (role.assume_role_policy.empty()) return "a role must have a trust policy";
  return has_duplicates(role.attached_policies) ? kAttachedTwice : std::string_view();
}

std::string_view invariant(const UserRecord& user) {
  if (const std::string_view wrong = named(user); !wrong.empty()) return wrong;
  if (has_duplicates(user.groups)) return "a user must not be in a group twice";
  return has_duplicates(user.attached_policies) ? kAttachedTwice : std::string_view();
}

std::string_view invariant(const GroupRecord& group) {
  if (const std::string_view wrong = named(group); !wrong.empty()) return wrong;
  return has_duplicates(group.attached_policies) ? kAttachedTwice : std::string_view();
}

std::string_view invariant(const InstanceProfileRecord& profile) { return named(profile); }

std::string_view invariant(const PolicyRecord& policy) {
  if (const std::string_view wrong = named(policy); !wrong.empty()) return wrong;
  if (policy.document.empty()) return "a policy must have a document";
  const bool has_default =
      policy.versions.empty() ||
      std::ranges::any_of(policy.versions, [&](const PolicyVersionRecord& version) {
        return version.number == policy.default_version && version.document == policy.document;
      });
  return has_default ? std::string_view()
                     : "a policy's document must be that of its default version";
}

std::string_view invariant(const AliasRecord& alias) {
  if (alias.account.empty() || alias.alias.empty())
    return "an account alias must have an account and a name";
  return {};
}

std::string_view invariant(const KeyUseRecord& use) {
  return use.access_key_id.empty() ? "a use of an access key must name the key" : "";
}

std::string_view invariant(const SessionRecord& session) {
  if (session.access_key_id.empty() || session.secret_access_key.empty() ||
      session.session_token.empty())
    return "temporary credentials must have a key id, a secret and a token";
  if (session.account.empty() || session.arn.empty())
    return "a session must have an account and an ARN";
  return {};
}

std::string_view invariant(const GrantRecord& grant) {
  if (grant.grant.holder.empty() || grant.grant.role_arn.empty())
    return "a grant must have a holder and a role";
  return grant.token.empty() ? "a grant must have a token" : "";
}

std::string_view invariant(const FirstStepRecord& step) {
  return step.name.empty() ? "a first step must have a name" : "";
}

}  // namespace tidemill::services::iam
