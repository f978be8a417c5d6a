// SQL over files: a small interface to DuckDB. The library is opened at first use.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::sql {

// In row-major order; NaN stands for NULL.
struct Numbers {
  std::vector<std::string> columns;
  std::size_t rows = 0;
  std::vector<float> values;
};

// An in-memory database, for one thread at a time.
class Database {
 public:
  virtual ~Database() = default;
  // Every column must have the type FLOAT. Tidemill.Invalid has DuckDB's message.
  virtual Result<Numbers> query_floats(const std::string& sql) = 0;
};

// Zero means DuckDB's default: all processors and most of the memory.
struct DatabaseLimits {
  int threads = 0;
  std::size_t memory_mib = 0;
};
// For data of a single request, which may use only its share of the machine.
inline constexpr DatabaseLimits kRequestLimits{.threads = 1, .memory_mib = 1024};

// Tidemill.NotFound when libduckdb.so is not at $TIDEMILL_DUCKDB_LIBRARY, beside the program, in
// the checkout's .cache/duckdb, or where the system's linker looks.
Result<std::unique_ptr<Database>> open_database(DatabaseLimits limits = {});

// 'text' in quotes and escaped, as a string literal of a statement.
std::string quote(const std::string& text);

}  // namespace tidemill::sql
