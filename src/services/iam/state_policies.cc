// The policies of roles and users, parsed and kept.
#include "services/iam/limits.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

Result<void> State::add_managed(std::string_view account, const std::string& arn,
                                std::vector<NamedPolicy>& out) {
  const std::string document = TRY(policy_document(account, arn));
  out.push_back({arn.substr(arn.rfind('/') + 1), "IAM Policy",
                 TRY(parse_policy(document, PolicyKind::identity)), arn});
  return {};
}

template <class Record>
Result<void> State::add_policies(const Record& record, std::string_view kind,
                                 std::vector<NamedPolicy>& out) {
  for (const auto& [name, document] : record.inline_policies)
    out.push_back({std::string(kind) + "_" + record.name + "_" + name, "IAM Policy",
                   TRY(parse_policy(document, PolicyKind::identity))});
  for (const std::string& arn : record.attached_policies)
    TRY(add_managed(record.account, arn, out));
  return {};
}

template <class Record>
Result<PrincipalPolicies> State::load_policies(const Record& record) {
  PrincipalPolicies out;
  if constexpr (std::is_same_v<Record, RoleRecord>) {
    TRY(add_policies(record, "role", out.identity));
    out.created = record.exact_creation();
  } else {
    TRY(add_policies(record, "user", out.identity));
    for (const std::string& id : record.groups)
      if (const std::optional<GroupRecord> group = TRY(group_with_id(record.account, id)))
        TRY(add_policies(*group, "group", out.identity));
  }
  if (record.permissions_boundary)
    TRY(add_managed(record.account, *record.permissions_boundary, out.boundary.emplace()));
  out.account = record.account;
  out.arn = record.arn();
  out.id = record.id;
  out.name = record.name;
  for (const TagRecord& tag : record.tags) out.tags[tag.key] = tag.value;
  return out;
}

template <class Record>
Result<std::shared_ptr<const PrincipalPolicies>> State::cached(std::string_view kind,
                                                               std::string_view account,
                                                               std::string_view name) {
  std::string key = std::string(kind) + entity_key(account, name);
  std::uint64_t writes = 0;
  {
    std::lock_guard lock(mutex_);
    if (auto found = policies_.find(key); found != policies_.end()) return found->second;
    writes = writes_;
  }
  const std::optional<Record> record = TRY(find<Record>(account, name));
  if (!record) return std::shared_ptr<const PrincipalPolicies>();
  auto loaded = std::make_shared<const PrincipalPolicies>(TRY(load_policies(*record)));
  std::lock_guard lock(mutex_);
  if (writes == writes_) {
    if (policies_.size() >= kCachedPrincipalsMax) policies_.clear();
    policies_[std::move(key)] = loaded;
  }
  return std::shared_ptr<const PrincipalPolicies>(std::move(loaded));
}

Result<std::shared_ptr<const PrincipalPolicies>> State::role_policies(std::string_view account,
                                                                      std::string_view name) {
  return cached<RoleRecord>("role:", account, name);
}

Result<std::shared_ptr<const PrincipalPolicies>> State::user_policies(std::string_view account,
                                                                      std::string_view name) {
  return cached<UserRecord>("user:", account, name);
}

void State::forget_policies() {
  std::lock_guard lock(mutex_);
  ++writes_;
  policies_.clear();
}

}  // namespace tidemill::services::iam
