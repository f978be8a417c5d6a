// Reads rows over one connection; a bounded pool of such connections.
#pragma once

#include <condition_variable>
#include <mutex>
#include <unordered_map>

#include "store/sqlite/connection.h"
#include "store/sqlite/tables.h"

namespace tidemill::store::sqlite {

// One thread at a time. Each call reads one snapshot.
class Reader {
 public:
  // Borrows `connection` and `tables`.
  Reader(Connection& connection, const Tables& tables);
  Result<std::optional<Row>> get(std::string_view table, std::string_view key);
  Result<Page> scan(const Scan& scan);

 private:
  Result<Page> scan_rows(const TableInfo& table, const Scan& scan);
  Result<Page> scan_index(const TableInfo& table, const Scan& scan);
  Result<Statement*> scan_statement(const std::string& sql);

  Connection& connection_;
  const Tables& tables_;
  std::vector<Statement> gets_;                       // by table number, prepared at first use
  std::unordered_map<std::string, Statement> scans_;  // by SQL
};

// Thread-safe. Opens connections on demand, at most `readers_max`; beyond that, callers wait for a
// free one.
class ReaderPool {
 public:
  ReaderPool(std::string path, const Tables& tables, std::size_t readers_max,
             std::size_t page_cache_bytes)
      : path_(std::move(path)),
        tables_(tables),
        readers_max_(readers_max),
        page_cache_bytes_(page_cache_bytes) {}

  Result<std::optional<Row>> get(std::string_view table, std::string_view key);
  Result<Page> scan(const Scan& scan);

 private:
  struct Slot {
    Connection connection;
    Reader reader;
    Slot(Connection opened, const Tables& tables)
        : connection(std::move(opened)), reader(connection, tables) {}
  };
  Result<std::unique_ptr<Slot>> acquire();
  void release(std::unique_ptr<Slot> slot);

  const std::string path_;
  const Tables& tables_;
  const std::size_t readers_max_;
  const std::size_t page_cache_bytes_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Slot>> idle_;  // guarded by mutex_
  std::size_t opened_ = 0;                   // guarded by mutex_
};

}  // namespace tidemill::store::sqlite
