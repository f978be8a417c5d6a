// The tables a database was opened with, and how they look in SQL.
//
//   CREATE TABLE "jobs" (key TEXT PRIMARY KEY, version INTEGER, value TEXT, index_keys TEXT)
//   CREATE TABLE "jobs/by_time" (index_key TEXT, key TEXT, PRIMARY KEY (index_key, key))
//
// index_keys repeats a row's entries, so that a change removes them without knowing the record.
#pragma once

#include <map>

#include "store/store.h"

namespace tidemill::store::sqlite {

struct TableInfo {
  std::size_t number = 0;  // position in Tables: index into arrays of prepared statements
  TableSpec spec;
  std::map<std::string, std::size_t, std::less<>> index_numbers;  // unique over all tables
};

// Read-only after construction.
class Tables {
 public:
  explicit Tables(std::vector<TableSpec> specs);
  // Tidemill.Invalid when there is no such table or index.
  Result<const TableInfo*> find(std::string_view table) const;
  Result<std::size_t> find_index(const TableInfo& table, std::string_view index) const;
  const std::vector<TableInfo>& all() const { return tables_; }
  std::size_t index_count() const { return index_count_; }

 private:
  std::vector<TableInfo> tables_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
  std::size_t index_count_ = 0;
};

std::string sql_name(std::string_view table);
std::string sql_index_name(std::string_view table, std::string_view index);

// The index_keys column: "by_time 4:2026,by_name 1:a," (length-prefixed: keys hold any bytes).
std::string write_index_keys(const Transaction::IndexKeys& keys);
Result<Transaction::IndexKeys> read_index_keys(std::string_view text);

}  // namespace tidemill::store::sqlite
