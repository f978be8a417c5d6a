#include "store/sqlite/read_only.h"

#include <mutex>

#include "store/sqlite/connection.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/tables.h"

namespace tidemill::store {
namespace {

constexpr std::size_t kPageCacheBytes = 2u << 20;

class ReadOnlyStore final : public Store {
 public:
  ReadOnlyStore(sqlite::Connection connection, std::vector<TableSpec> tables)
      : tables_(std::move(tables)),
        connection_(std::move(connection)),
        reader_(connection_, tables_) {}

  Result<std::optional<Row>> get(std::string_view table, std::string_view key) override {
    std::lock_guard lock(mutex_);
    return reader_.get(table, key);
  }
  Result<Page> scan(const Scan& scan) override {
    std::lock_guard lock(mutex_);
    return reader_.scan(scan);
  }
  Result<void> commit(Transaction) override { return refuse(); }
  void commit_async(Transaction, std::function<void(Result<void>)> done) override {
    done(refuse());
  }

 private:
  static Result<void> refuse() {
    return fail(codes::kInvalid, "the database was opened for reading only");
  }

  std::mutex mutex_;
  const sqlite::Tables tables_;
  sqlite::Connection connection_;
  sqlite::Reader reader_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_read_only(const std::filesystem::path& path,
                                                     std::vector<TableSpec> tables) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return fail(codes::kNotFound, "there is no database " + path.string());
  sqlite::Connection connection =
      TRY(sqlite::Connection::open(path.string(), true, kPageCacheBytes));
  return std::make_unique<ReadOnlyStore>(std::move(connection), std::move(tables));
}

}  // namespace tidemill::store
