// Writes transactions over one connection, inside a SQL transaction that the caller opened.
#pragma once

#include "store/plan.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/tables.h"

namespace tidemill::store::sqlite {

// One thread at a time.
class Applier {
 public:
  // Borrows `connection` and `tables`.
  Applier(Connection& connection, const Tables& tables);

  // Tables, index names and sizes: what can be said without the database.
  static Result<void> check(const Tables& tables, const Transaction& transaction);

  // Everything is checked before anything is written: after Tidemill.Conflict the SQL transaction
  // is as it was. After any other error the caller rolls it back.
  Result<void> apply(const Transaction& transaction);
  // After a rollback: positions that were assigned since are free again.
  void forget_positions();

 private:
  struct TableStatements {
    Statement current, insert, update, erase, last;
  };
  struct IndexStatements {
    Statement insert, erase;
  };
  Result<TableStatements*> statements(const TableInfo& table);
  Result<IndexStatements*> index_statements(const TableInfo& table, const std::string& index);
  Result<Current> current(const std::string& table, const std::string& key);
  Result<void> write(const PlannedWrite& write);
  Result<void> append(const TableInfo& table, const std::string& value);

  Connection& connection_;
  const Tables& tables_;
  std::vector<TableStatements> by_table_;  // by table number, prepared at first use
  std::vector<IndexStatements> by_index_;
  // The last position of each table, by table number; nullopt: to be read from it.
  std::vector<std::optional<std::uint64_t>> positions_;
};

}  // namespace tidemill::store::sqlite
