// SQLite with ownership and Results: one connection, one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tidemill::store::sqlite {

// A prepared statement. Bound text is borrowed until reset().
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  explicit operator bool() const { return statement_ != nullptr; }

  // Parameters count from 1, columns from 0.
  void bind(int parameter, std::string_view text);
  void bind(int parameter, std::int64_t number);
  // True: there is a row. False: done.
  Result<bool> step();
  void reset();
  // step() to the end and reset().
  Result<void> run();

  // Valid until the next step() or reset().
  std::string_view text(int column) const;
  std::int64_t number(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Resets a statement at the end of the scope, also after errors.
class ResetGuard {
 public:
  explicit ResetGuard(Statement& statement) : statement_(statement) {}
  ~ResetGuard() { statement_.reset(); }
  ResetGuard(const ResetGuard&) = delete;
  ResetGuard& operator=(const ResetGuard&) = delete;

 private:
  Statement& statement_;
};

class Connection {
 public:
  // The file must exist. `page_cache_bytes` limits the connection's cache.
  static Result<Connection> open(const std::string& path, bool read_only,
                                 std::size_t page_cache_bytes);

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(const std::string& sql);
  // False after SQLite itself rolled a failed transaction back.
  bool in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace tidemill::store::sqlite
