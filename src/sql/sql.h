// SQL over files: DuckDB behind a small interface. The library is opened at first use.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::sql {

// Row-major; NaN where the value is NULL.
struct Numbers {
  std::vector<std::string> columns;
  std::size_t rows = 0;
  std::vector<float> values;
};

// An in-memory database. One thread at a time.
class Database {
 public:
  virtual ~Database() = default;
  // Every column of the query must be of the type FLOAT. Tidemill.Invalid with DuckDB's message.
  virtual Result<Numbers> query_floats(const std::string& sql) = 0;
};

// Zero: DuckDB's own choice, all processors and most of the memory.
struct DatabaseLimits {
  int threads = 0;
  std::size_t memory_mib = 0;
};
// For data that a request carries: no more than its share of the machine.
inline constexpr DatabaseLimits kRequestLimits{.threads = 1, .memory_mib = 1024};

// Tidemill.NotFound when libduckdb.so is neither at $TIDEMILL_DUCKDB_LIBRARY, nor beside the
// program, nor in the checkout's .cache/duckdb, nor where the system's linker looks.
Result<std::unique_ptr<Database>> open_database(DatabaseLimits limits = {});

// 'text' with quotes and escapes, for a string inside a statement.
std::string quote(const std::string& text);

}  // namespace tidemill::sql
