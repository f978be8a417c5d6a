#include "services/kms/key/sweep.h"

#include "base/log.h"
#include "services/kms/common/keys.h"
#include "store/deletion_scope.h"

namespace tidemill::services::kms {
namespace {

constexpr std::size_t kRowsPerStep = 100;

// The rest of the rows under a prefix of the key's id, in steps.
template <class Record, class Key>
Result<void> erase_all(Core& core, const store::Table<Record>& table, store::Scan scan,
                       const Key& key_of) {
  scan.limit = kRowsPerStep;
  while (true) {
    const auto page = TRY(table.scan(core.store, scan));
    if (page.records.empty() && page.next.empty()) return {};
    store::Transaction transaction;
    for (const auto& row : page.records) table.erase(transaction, key_of(row.record), std::nullopt);
    if (!transaction.empty()) TRY(core.store.commit(std::move(transaction)));
    scan.after = page.next;
    if (page.next.empty()) return {};
  }
}

// First what hangs on the key: a crash in between leaves the key, and the sweep comes again.
Result<void> delete_key(Core& core, const store::Versioned<KeyRecord>& row) {
  const store::DeletionScope scope(true);
  const std::string& id = row.record.id;
  TRY(erase_all(core, grants_table(), {.table = {}, .prefix = store::key({id, ""})},
                [](const GrantRecord& grant) { return store::key({grant.key_id, grant.id}); }));
  TRY(erase_all(
      core, aliases_table(), {.table = {}, .index = "by_key", .prefix = store::key({id, ""})},
      [](const AliasRecord& alias) { return alias_key(alias.account, alias.region, alias.name); }));
  store::Transaction transaction;
  keys_table().erase(transaction, id, row.version);
  TRY(core.store.commit(std::move(transaction)));
  log::info("a key was deleted", {{"key", row.record.arn()}});
  return {};
}

Result<void> rotate(Core& core, const std::string& id) {
  TRY(change_key(core, id, [&](KeyRecord& key) -> Result<void> {
    const Timestamp now = core.clock.now();
    if (!key.next_rotation || *key.next_rotation > now) return {};
    // A disabled key is not rotated; it is soon after it is enabled again.
    const bool enabled = key.state == "Enabled";
    if (enabled) TRY(add_material(core, key, "AUTOMATIC"));
    key.next_rotation = now + std::chrono::days(enabled ? key.rotation_period_days : 1);
    return {};
  }));
  return {};
}

}  // namespace

Result<void> sweep_keys(Core& core, Timestamp deletions_now) {
  const Timestamp now = core.clock.now();
  store::Scan scan{
      .table = {}, .index = "by_due", .before = due_text(now + std::chrono::microseconds(1))};
  do {
    const auto page = TRY(keys_table().scan(core.store, scan));
    for (const auto& row : page.records) {
      Result<void> done;
      if (!row.record.deletion)
        done = rotate(core, row.record.id);
      else if (*row.record.deletion <= deletions_now)
        done = delete_key(core, row);
      // Another writer was faster: the next sweep sees what it did.
      if (!done && done.error().code != codes::kConflict) return done;
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

}  // namespace tidemill::services::kms
