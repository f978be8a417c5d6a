#include "store/sqlite/connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace tidemill::store::sqlite {

namespace {

constexpr int kBusyTimeoutMilliseconds = 10'000;
constexpr std::int64_t kWalBytesKept = 64 << 20;  // a larger log is truncated after a checkpoint

std::unexpected<Error> error_of(sqlite3* database, std::string_view doing) {
  const int extended = sqlite3_extended_errcode(database);
  const int primary = extended & 0xff;
  const int system = sqlite3_system_errno(database);
  const bool full =
      primary == SQLITE_FULL ||
      (primary == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EFBIG));
  const char* code = codes::kIo;
  if (full) code = codes::kStorageFull;
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) code = codes::kCorrupt;
  if (primary == SQLITE_NOMEM) code = codes::kOverloaded;
  if (primary == SQLITE_TOOBIG) code = codes::kInvalid;
  std::string message = fmt::format("the state database failed while {}: {} (SQLite {})", doing,
                                    sqlite3_errmsg(database), extended);
  if (system != 0) message += fmt::format(", {}", std::strerror(system));
  if (full) message += "; free some space on the data folder's disk and try again";
  return fail(code, std::move(message));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL instead of an empty text.
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(statement_.get(), parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), parameter, number);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(sqlite3_db_handle(statement_.get()), sqlite3_sql(statement_.get()));
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

Result<void> Statement::run() {
  ResetGuard guard(*this);
  while (TRY(step())) {
  }
  return {};
}

std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void Connection::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<Connection> Connection::open(const std::string& path, bool read_only,
                                    std::size_t page_cache_bytes) {
  // Memory statistics take a global lock at every allocation.
  static std::once_flag configured;
  std::call_once(configured, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });

  Connection connection;
  sqlite3* database = nullptr;
  // Read-only connections also write the shared index of the write-ahead log.
  const int opened = sqlite3_open_v2(path.c_str(), &database,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  connection.database_.reset(database);
  if (opened != SQLITE_OK) return error_of(database, "opening " + path);
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyTimeoutMilliseconds);
  TRY(connection.execute("PRAGMA journal_mode=WAL"));
  TRY(connection.execute("PRAGMA synchronous=FULL"));
  TRY(connection.execute(fmt::format("PRAGMA cache_size=-{}", page_cache_bytes / 1024)));
  TRY(connection.execute(fmt::format("PRAGMA journal_size_limit={}", kWalBytesKept)));
  TRY(connection.execute("PRAGMA trusted_schema=OFF"));
  if (read_only) TRY(connection.execute("PRAGMA query_only=ON"));
  return connection;
}

Result<void> Connection::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error_of(database_.get(), sql);
  }
  return {};
}

Result<Statement> Connection::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int prepared =
      sqlite3_prepare_v3(database_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1,
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (prepared != SQLITE_OK) return error_of(database_.get(), sql);
  return Statement(statement);
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

}  // namespace tidemill::store::sqlite
