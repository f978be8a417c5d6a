// Updates a database to the declared tables, indexes and migrations.
#pragma once

#include "store/sqlite/connection.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/tables.h"

namespace tidemill::store::sqlite {

// Runs in one SQL transaction: on failure nothing changes.
Result<void> prepare_schema(Connection& connection, const Tables& tables,
                            const std::vector<Migration>& migrations);

}  // namespace tidemill::store::sqlite
