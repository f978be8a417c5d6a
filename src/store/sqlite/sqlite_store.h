// The default Store: one SQLite database (WAL, synchronous=FULL). One writer thread commits queued
// transactions in groups, so that many small writes share one fsync; readers have connections of
// their own and never wait for the writer.
#pragma once

#include <filesystem>
#include <memory>

#include "store/store.h"

namespace tidemill::store {

// A migration's access to the database, inside the transaction that upgrades it.
class MigrationContext {
 public:
  virtual ~MigrationContext() = default;
  virtual Result<std::optional<Row>> get(std::string_view table, std::string_view key) = 0;
  virtual Result<Page> scan(const Scan& scan) = 0;
  virtual Result<void> apply(const Transaction& transaction) = 0;
  // Computes the index keys of every row again with TableSpec::index_keys: for an index that
  // changed its meaning but not its name.
  virtual Result<void> rebuild_indexes(std::string_view table) = 0;
};

// Rewrites records of older databases. Not needed for new tables, or for new or dropped indexes of
// tables with TableSpec::index_keys. All pending migrations commit together or not at all.
struct Migration {
  int version = 0;  // from 1, ascending; a database records the ones it has run
  std::string name;
  std::function<Result<void>(MigrationContext&)> run;
};

struct SqliteOptions {
  // The database file. Its folder is created if missing, and locked to one process at a time.
  std::filesystem::path path;
  std::vector<TableSpec> tables;
  std::vector<Migration> migrations = {};

  std::size_t readers_max = 8;
  // For the writer; each reader has a quarter. Memory is used only as needed.
  std::size_t page_cache_bytes = 4u << 20;
  // Beyond these a commit is refused with Tidemill.Overloaded.
  std::size_t queue_transactions_max = 16'384;
  std::size_t queue_bytes_max = 256u << 20;
  // Limit for the database without write-ahead log; 0: the disk's. Tidemill.StorageFull.
  std::uint64_t database_bytes_max = 0;
};

// Tidemill.Conflict: another process uses the folder. Tidemill.Invalid: the database has a newer
// version, or a table declaration is wrong. Destroying the store commits queued transactions.
Result<std::unique_ptr<Store>> open_sqlite_store(SqliteOptions options);

}  // namespace tidemill::store
