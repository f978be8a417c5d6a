#include "services/iam/state.h"

#include <algorithm>

#include "base/arn.h"
#include "services/iam/credentials/access_keys.h"
#include "services/iam/errors.h"
#include "services/iam/invariants.h"
#include "services/iam/limits.h"
#include "services/iam/managed_policies.h"
#include "services/iam/policy_language/role_arn.h"

namespace tidemill::services::iam {
namespace {

std::unexpected<Error> no_policy(std::string_view arn) {
  return no_such_entity("Policy " + std::string(arn) + " was not found.");
}
std::unexpected<Error> too_many_conflicts() {
  return fail("ConcurrentModification",
              "The request was rejected because multiple requests to change this object were "
              "submitted simultaneously. Wait a few minutes and submit your request again.",
              409);
}

bool is_conflict(const Result<void>& committed) {
  return !committed && committed.error().code == codes::kConflict;
}

template <class Record>
const store::Table<Record>& table_of() {
  return EntityTraits<Record>::table();
}

}  // namespace

State::State(store::Store& store, const Clock& clock, Random& random, bool accept_any)
    : store_(store),
      clock_(clock),
      random_(random),
      accept_any_(accept_any),
      access_keys_(std::make_unique<AccessKeys>(store)) {}

State::~State() = default;

Result<void> State::load() { return access_keys_->load(); }

Timestamp State::now_seconds() const { return {clock_.now().microseconds / 1'000'000 * 1'000'000}; }

std::string State::make_id(std::string_view prefix) {
  return std::string(prefix) + make_token(random_, 17, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

template <class Record>
Result<std::optional<Record>> State::find(std::string_view account, std::string_view name) {
  auto found = TRY(table_of<Record>().get(store_, entity_key(account, name)));
  if (!found) return std::optional<Record>();
  return std::optional(std::move(found->record));
}

template <class Record>
Result<Record> State::get(std::string_view account, std::string_view name) {
  std::optional<Record> found = TRY(find<Record>(account, name));
  if (!found) return no_such_entity(EntityTraits<Record>::missing(name));
  return *std::move(found);
}

template <class Record>
Result<std::size_t> State::count(std::string_view account) {
  store::Scan scan{.table = table_of<Record>().name(),
                   .prefix = store::key({account, ""}),
                   .limit = store::kScanLimitMax,
                   .page_bytes_max = kListedBytesMax};
  std::size_t rows = 0;
  do {
    store::Page page = TRY(store_.scan(scan));
    rows += page.rows.size();
    scan.after = page.next;
  } while (!scan.after.empty());
  return rows;
}

template <class Record>
Result<void> State::commit(store::Transaction transaction, const Record& record, bool removed) {
  if constexpr (std::is_same_v<Record, UserRecord>) {
    std::lock_guard lock(user_writes_);
    Result<void> committed = store_.commit(std::move(transaction));
    if (committed) access_keys_->replace(record, removed);
    forget_policies();
    return committed;
  } else {
    Result<void> committed = store_.commit(std::move(transaction));
    forget_policies();
    return committed;
  }
}

template <class Record>
Result<void> State::create(const Record& record, store::Transaction with) {
  using Traits = EntityTraits<Record>;
  if (TRY(count<Record>(record.account)) >= Traits::kMax)
    return limit_exceeded("Cannot exceed quota for " + std::string(Traits::kQuota) + ": " +
                          std::to_string(Traits::kMax));
  const std::string key = entity_key(record.account, record.name);
  table_of<Record>().put(with, key, record, 0);
  Result<void> committed = commit(std::move(with), record, false);
  if (!is_conflict(committed)) return committed;
  // Otherwise the policy that `with` holds has changed meanwhile.
  if (!TRY(find<Record>(record.account, record.name))) return too_many_conflicts();
  return already_exists(Traits::exists(record.name));
}

template <class Record>
Result<Record> State::update(std::string_view account, std::string_view name,
                             const Change<Record>& change) {
  const store::Table<Record>& table = table_of<Record>();
  const std::string old_key = entity_key(account, name);
  for (int attempt = 0; attempt < kConflictRetries; ++attempt) {
    auto found = TRY(table.get(store_, old_key));
    if (!found) return no_such_entity(EntityTraits<Record>::missing(name));
    store::Transaction transaction;
    Record& record = found->record;
    TRY(change(record, transaction));
    const std::string key = entity_key(account, record.name);
    if (key != old_key) {
      if (TRY(find<Record>(account, record.name)))
        return already_exists(EntityTraits<Record>::exists(record.name));
      table.erase(transaction, old_key, found->version);
      table.put(transaction, key, record, 0);
    } else {
      table.put(transaction, key, record, found->version);
    }
    Result<void> committed = commit(std::move(transaction), record, false);
    if (committed) return std::move(record);
    if (!is_conflict(committed)) return fail(std::move(committed.error()));
  }
  return too_many_conflicts();
}

template <class Record>
Result<void> State::remove(std::string_view account, std::string_view name,
                           const Change<Record>& check) {
  const store::Table<Record>& table = table_of<Record>();
  const std::string key = entity_key(account, name);
  for (int attempt = 0; attempt < kConflictRetries; ++attempt) {
    auto found = TRY(table.get(store_, key));
    if (!found) return no_such_entity(EntityTraits<Record>::missing(name));
    store::Transaction transaction;
    TRY(check(found->record, transaction));
    table.erase(transaction, key, found->version);
    Result<void> committed = commit(std::move(transaction), found->record, true);
    if (!is_conflict(committed)) return committed;
  }
  return too_many_conflicts();
}

#define TIDEMILL_IAM_ENTITY(Record)                                                               \
  template Result<std::optional<Record>> State::find<Record>(std::string_view, std::string_view); \
  template Result<Record> State::get<Record>(std::string_view, std::string_view);                 \
  template Result<void> State::create<Record>(const Record&, store::Transaction);                 \
  template Result<Record> State::update<Record>(std::string_view, std::string_view,               \
                                                const Change<Record>&);                           \
  template Result<void> State::remove<Record>(std::string_view, std::string_view,                 \
                                              const Change<Record>&);                             \
  template Result<std::size_t> State::count<Record>(std::string_view);
TIDEMILL_IAM_ENTITY(RoleRecord)
TIDEMILL_IAM_ENTITY(UserRecord)
TIDEMILL_IAM_ENTITY(GroupRecord)
TIDEMILL_IAM_ENTITY(InstanceProfileRecord)
TIDEMILL_IAM_ENTITY(PolicyRecord)
#undef TIDEMILL_IAM_ENTITY

Result<std::optional<GroupRecord>> State::group_with_id(std::string_view account,
                                                        std::string_view id) {
  auto page = TRY(groups_table().scan(
      store_, {.index = std::string(kIdIndex), .prefix = store::key({account, id}), .limit = 1}));
  if (page.records.empty()) return std::optional<GroupRecord>();
  return std::optional(std::move(page.records.front().record));
}

Result<PolicyRecord> State::policy(std::string_view account, std::string_view arn) {
  const Result<Arn> parsed = parse_arn(arn);
  const bool names_policy = parsed && parsed->partition == kPartition && parsed->service == "iam" &&
                            parsed->region.empty() && parsed->resource.starts_with("policy/") &&
                            (is_account(parsed->account) || parsed->account == "aws");
  if (!names_policy) return fail("InvalidInput", "ARN " + std::string(arn) + " is not valid.", 400);
  if (parsed->account != account) return no_policy(arn);
  const std::string name = parsed->resource.substr(parsed->resource.rfind('/') + 1);
  std::optional<PolicyRecord> found = TRY(find<PolicyRecord>(account, name));
  if (!found || found->arn() != arn) return no_policy(arn);
  return *std::move(found);
}

Result<void> State::hold_policy(store::Transaction& transaction, std::string_view account,
                                const std::string& arn) {
  if (find_managed_policy(arn)) return {};
  const PolicyRecord record = TRY(policy(account, arn));
  const std::string key = entity_key(account, record.name);
  auto found = TRY(policies_table().get(store_, key));
  if (!found || found->record.arn() != arn) return no_policy(arn);
  policies_table().put(transaction, key, found->record, found->version);
  return {};
}

Result<State::PolicyUse> State::policy_use(std::string_view account, std::string_view policy_arn) {
  PolicyUse use;
  const auto count_in = [&](const auto& table, std::string_view index, std::size_t& total,
                            auto uses) -> Result<void> {
    store::Scan scan{.index = std::string(index),
                     .prefix = store::key({account, policy_arn}),
                     .page_bytes_max = kListedBytesMax};
    do {
      auto page = TRY(table.scan(store_, scan));
      // The prefix also finds longer ARNs.
      for (const auto& [record, version] : page.records) total += uses(record) ? 1 : 0;
      scan.after = page.next;
    } while (!scan.after.empty());
    return {};
  };
  const auto attached = [&](const auto& record) {
    return std::ranges::find(record.attached_policies, policy_arn) !=
           record.attached_policies.end();
  };
  const auto bounds = [&](const auto& record) { return record.permissions_boundary == policy_arn; };
  TRY(count_in(roles_table(), kAttachedPolicyIndex, use.attachments, attached));
  TRY(count_in(users_table(), kAttachedPolicyIndex, use.attachments, attached));
  TRY(count_in(groups_table(), kAttachedPolicyIndex, use.attachments, attached));
  TRY(count_in(roles_table(), kBoundaryIndex, use.boundaries, bounds));
  TRY(count_in(users_table(), kBoundaryIndex, use.boundaries, bounds));
  return use;
}

Result<std::string> State::policy_document(std::string_view account, std::string_view arn) {
  if (const ManagedPolicy* shipped = find_managed_policy(arn))
    return managed_policy_document(*shipped);
  return TRY(policy(account, arn)).document;
}

Result<std::map<std::string, std::string>> State::tags_of(std::string_view arn) {
  std::map<std::string, std::string> out;
  const Result<Arn> parsed = parse_arn(arn);
  if (!parsed || !is_account(parsed->account)) return out;
  const std::string name = parsed->resource.substr(parsed->resource.rfind('/') + 1);
  const std::string_view type = parsed->resource_type();
  const auto take = [&](const auto& found) {
    if (found && found->arn() == arn)
      for (const TagRecord& tag : found->tags) out[tag.key] = tag.value;
  };
  if (type == "role") take(TRY(find<RoleRecord>(parsed->account, name)));
  if (type == "user") take(TRY(find<UserRecord>(parsed->account, name)));
  if (type == "policy") take(TRY(find<PolicyRecord>(parsed->account, name)));
  if (type == "instance-profile") take(TRY(find<InstanceProfileRecord>(parsed->account, name)));
  return out;
}

}  // namespace tidemill::services::iam
