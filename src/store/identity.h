// The identity of a database, made with it. Data outside of it (the blobs) is bound to this id, so
// that no other database takes the data for garbage.
#pragma once

#include <string>

#include "base/random.h"
#include "store/table.h"

namespace tidemill::store {

struct Identity {
  std::string id;
  // Outside data is bound to the id. Before that each start decides again, with the same id.
  bool settled = false;
};
TIDEMILL_RECORD(Identity, (), (id, settled))

// One row.
const Table<Identity>& identity_table();

// Makes and stores an identity when there is none.
Result<Identity> load_identity(Store& store, Random& random);
Result<void> settle_identity(Store& store, const Identity& identity);

// Whether any table other than identity_table() has a row.
Result<bool> has_records(Store& store, const std::vector<TableSpec>& tables);

}  // namespace tidemill::store
