// The name of a database, made with it: what lies outside of it (the blobs) is bound to that name,
// so that no other database takes it for garbage.
#pragma once

#include <string>

#include "base/random.h"
#include "store/table.h"

namespace tidemill::store {

struct Identity {
  std::string id;
  // What lies outside is bound to it. Until then each start decides anew, with the same id.
  bool settled = false;
};
TIDEMILL_RECORD(Identity, (), (id, settled))

// One row.
const Table<Identity>& identity_table();

// Makes and stores one when there is none.
Result<Identity> load_identity(Store& store, Random& random);
Result<void> settle_identity(Store& store, const Identity& identity);

// Whether any of the tables but identity_table() has a row.
Result<bool> has_records(Store& store, const std::vector<TableSpec>& tables);

}  // namespace tidemill::store
