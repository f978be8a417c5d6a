#include "store/identity.h"

namespace tidemill::store {

TIDEMILL_RECORD_CODEC(Identity)

namespace {
constexpr std::string_view kRowKey = "database";
}

const Table<Identity>& identity_table() {
  static const Table<Identity> table("store_identity");
  return table;
}

Result<Identity> load_identity(Store& store, Random& random) {
  if (auto found = TRY(identity_table().get(store, kRowKey))) return std::move(found->record);
  Identity made{make_uuid(random), false};
  Transaction transaction;
  identity_table().put(transaction, std::string(kRowKey), made, 0);
  TRY(store.commit(std::move(transaction)));
  return made;
}

Result<void> settle_identity(Store& store, const Identity& identity) {
  if (identity.settled) return {};
  Transaction transaction;
  identity_table().put(transaction, std::string(kRowKey), Identity{identity.id, true},
                       std::nullopt);
  return store.commit(std::move(transaction));
}

Result<bool> has_records(Store& store, const std::vector<TableSpec>& tables) {
  for (const TableSpec& table : tables) {
    if (table.name == identity_table().name()) continue;
    Scan scan{.table = table.name};
    scan.limit = 1;
    if (!TRY(store.scan(scan)).rows.empty()) return true;
  }
  return false;
}

}  // namespace tidemill::store
