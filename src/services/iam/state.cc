#include "services/iam/state.h"

#include <algorithm>

#include "base/arn.h"
#include "services/iam/errors.h"
#include "services/iam/invariants.h"
#include "services/iam/limits.h"
#include "services/iam/managed_policies.h"
#include "services/iam/role_arn.h"

namespace tidemill::services::iam {
namespace {

std::unexpected<Error> no_role(std::string_view name) {
  return no_such_entity("The role with name " + std::string(name) + " cannot be found.");
}
std::unexpected<Error> no_policy(std::string_view arn) {
  return no_such_entity("Policy " + std::string(arn) + " was not found.");
}
std::unexpected<Error> too_many_conflicts() {
  return fail("ConcurrentModification",
              "The request was rejected because multiple requests to change this object were "
              "submitted simultaneously. Wait a few minutes and submit your request again.",
              409);
}

// "name" of "arn:aws:iam::123456789012:policy/path/name"; empty when it is none of the account's.
std::string customer_policy_name(std::string_view account, std::string_view arn) {
  Result<Arn> parsed = parse_arn(arn);
  if (!parsed || parsed->partition != kPartition || parsed->service != "iam" ||
      !parsed->region.empty() || parsed->account != account || parsed->resource_type() != "policy")
    return {};
  return parsed->resource.substr(parsed->resource.rfind('/') + 1);
}

Result<std::size_t> count(store::Store& store, const std::string& table, std::string_view account,
                          std::size_t limit) {
  store::Scan scan{.table = table, .prefix = store::key({account, ""}), .limit = limit};
  std::size_t rows = 0;
  do {
    store::Page page = TRY(store.scan(scan));
    rows += page.rows.size();
    scan.after = page.next;
  } while (!scan.after.empty() && rows < limit);
  return rows;
}

}  // namespace

State::State(store::Store& store, const Clock& clock, Random& random, bool accept_any)
    : store_(store), clock_(clock), random_(random), accept_any_(accept_any) {}

Timestamp State::now_seconds() const { return {clock_.now().microseconds / 1'000'000 * 1'000'000}; }

std::string State::make_id(std::string_view prefix) {
  return std::string(prefix) + make_token(random_, 17, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

Result<std::optional<RoleRecord>> State::find_role(std::string_view account,
                                                   std::string_view name) {
  auto found = TRY(roles_table().get(store_, role_key(account, name)));
  if (!found) return std::optional<RoleRecord>();
  return std::optional(std::move(found->record));
}

Result<RoleRecord> State::role(std::string_view account, std::string_view name) {
  std::optional<RoleRecord> found = TRY(find_role(account, name));
  if (!found) return no_role(name);
  return *std::move(found);
}

Result<void> State::create_role(const RoleRecord& role) {
  if (TRY(count(store_, roles_table().name(), role.account, kRolesPerAccountMax)) >=
      kRolesPerAccountMax)
    return limit_exceeded("Cannot exceed quota for RolesPerAccount: " +
                          std::to_string(kRolesPerAccountMax));
  store::Transaction transaction;
  const std::string key = role_key(role.account, role.name);
  roles_table().put(transaction, key, store::checked(roles_table(), key, role), 0);
  Result<void> committed = store_.commit(std::move(transaction));
  forget_policies();
  if (!committed && committed.error().code == codes::kConflict)
    return already_exists("Role with name " + role.name + " already exists.");
  return committed;
}

Result<RoleRecord> State::update_role(std::string_view account, std::string_view name,
                                      const std::function<Result<void>(RoleRecord&)>& change) {
  for (int attempt = 0; attempt < kConflictRetries; ++attempt) {
    auto found = TRY(roles_table().get(store_, role_key(account, name)));
    if (!found) return no_role(name);
    TRY(change(found->record));
    store::Transaction transaction;
    const std::string key = role_key(account, name);
    roles_table().put(transaction, key, store::checked(roles_table(), key, found->record),
                      found->version);
    Result<void> committed = store_.commit(std::move(transaction));
    forget_policies();
    if (committed) return std::move(found->record);
    if (committed.error().code != codes::kConflict) return fail(std::move(committed.error()));
  }
  return too_many_conflicts();
}

Result<void> State::delete_role(std::string_view account, std::string_view name,
                                const std::function<Result<void>(const RoleRecord&)>& check) {
  for (int attempt = 0; attempt < kConflictRetries; ++attempt) {
    auto found = TRY(roles_table().get(store_, role_key(account, name)));
    if (!found) return no_role(name);
    TRY(check(found->record));
    store::Transaction transaction;
    roles_table().erase(transaction, role_key(account, name), found->version);
    Result<void> committed = store_.commit(std::move(transaction));
    forget_policies();
    if (committed || committed.error().code != codes::kConflict) return committed;
  }
  return too_many_conflicts();
}

Result<PolicyRecord> State::policy(std::string_view account, std::string_view arn) {
  const std::string name = customer_policy_name(account, arn);
  if (name.empty()) return no_policy(arn);
  auto found = TRY(policies_table().get(store_, policy_key(account, name)));
  if (!found || found->record.arn() != arn) return no_policy(arn);
  return std::move(found->record);
}

Result<void> State::create_policy(const PolicyRecord& policy) {
  if (TRY(count(store_, policies_table().name(), policy.account, kPoliciesPerAccountMax)) >=
      kPoliciesPerAccountMax)
    return limit_exceeded("Cannot exceed quota for PoliciesPerAccount: " +
                          std::to_string(kPoliciesPerAccountMax));
  store::Transaction transaction;
  policies_table().put(transaction, policy_key(policy.account, policy.name), policy, 0);
  Result<void> committed = store_.commit(std::move(transaction));
  forget_policies();
  if (!committed && committed.error().code == codes::kConflict)
    return already_exists("A policy called " + policy.name +
                          " already exists. Duplicate names are not allowed.");
  return committed;
}

Result<void> State::delete_policy(std::string_view account, std::string_view arn) {
  PolicyRecord record = TRY(policy(account, arn));
  if (TRY(count_attachments(account, arn)) > 0)
    return delete_conflict("Cannot delete a policy attached to entities.");
  store::Transaction transaction;
  policies_table().erase(transaction, policy_key(account, record.name), std::nullopt);
  Result<void> committed = store_.commit(std::move(transaction));
  forget_policies();
  return committed;
}

Result<std::size_t> State::count_attachments(std::string_view account,
                                             std::string_view policy_arn) {
  store::Scan scan{.index = std::string(kAttachedPolicyIndex),
                   .prefix = store::key({account, policy_arn}),
                   .page_bytes_max = kListedBytesMax};
  std::size_t attached = 0;
  do {
    auto page = TRY(roles_table().scan(store_, scan));
    // The prefix also finds longer ARNs.
    for (const auto& [role, version] : page.records)
      attached += std::ranges::count(role.attached_policies, policy_arn);
    scan.after = page.next;
  } while (!scan.after.empty());
  return attached;
}

Result<std::string> State::policy_document(std::string_view account, std::string_view arn) {
  if (const ManagedPolicy* shipped = find_managed_policy(arn))
    return std::string(shipped->document);
  return TRY(policy(account, arn)).document;
}

Result<RolePolicies> State::load_policies(RoleRecord role) {
  RolePolicies out;
  auto add = [](std::vector<NamedPolicy>& list, std::string id,
                const std::string& document) -> Result<void> {
    list.push_back(
        {std::move(id), "IAM Policy", TRY(parse_policy(document, PolicyKind::identity))});
    return {};
  };
  auto add_managed = [&](std::vector<NamedPolicy>& list, const std::string& arn) -> Result<void> {
    const std::string document = TRY(policy_document(role.account, arn));
    return add(list, arn.substr(arn.rfind('/') + 1), document);
  };
  for (const auto& [name, document] : role.inline_policies)
    TRY(add(out.identity, "role_" + role.name + "_" + name, document));
  for (const std::string& arn : role.attached_policies) TRY(add_managed(out.identity, arn));
  if (role.permissions_boundary)
    TRY(add_managed(out.boundary.emplace(), *role.permissions_boundary));
  out.arn = role.arn();
  for (const TagRecord& tag : role.tags) out.tags[tag.key] = tag.value;
  out.role = std::move(role);
  return out;
}

Result<std::shared_ptr<const RolePolicies>> State::role_policies(std::string_view account,
                                                                 std::string_view name) {
  const std::string key = role_key(account, name);
  std::uint64_t writes = 0;
  {
    std::lock_guard lock(mutex_);
    if (auto found = policies_.find(key); found != policies_.end()) return found->second;
    writes = writes_;
  }
  std::optional<RoleRecord> role = TRY(find_role(account, name));
  if (!role) return std::shared_ptr<const RolePolicies>();
  auto loaded = std::make_shared<const RolePolicies>(TRY(load_policies(*std::move(role))));
  std::lock_guard lock(mutex_);
  if (writes == writes_) {
    if (policies_.size() >= kCachedRolesMax) policies_.clear();
    policies_[key] = loaded;
  }
  return std::shared_ptr<const RolePolicies>(std::move(loaded));
}

Result<std::map<std::string, std::string>> State::tags_of(std::string_view arn) {
  std::vector<TagRecord> tags;
  const Result<Arn> parsed = parse_arn(arn);
  if (const std::optional<RoleArn> role = parse_role_arn(arn)) {
    const std::optional<RoleRecord> found = TRY(find_role(role->account, role->name));
    if (found && found->arn() == arn) tags = found->tags;
  } else if (parsed && is_account(parsed->account)) {
    Result<PolicyRecord> found = policy(parsed->account, arn);
    if (!found && found.error().code != "NoSuchEntity") return fail(std::move(found.error()));
    if (found) tags = std::move(found->tags);
  }
  std::map<std::string, std::string> out;
  for (TagRecord& tag : tags) out[std::move(tag.key)] = std::move(tag.value);
  return out;
}

void State::forget_policies() {
  std::lock_guard lock(mutex_);
  ++writes_;
  policies_.clear();
}

}  // namespace tidemill::services::iam
