#include <limits>

#include "sql/duckdb_library.h"
#include "sql/sql.h"

namespace tidemill::sql {
namespace {

class DuckdbDatabase final : public Database {
 public:
  explicit DuckdbDatabase(const DuckdbLibrary& library) : library_(library) {}
  ~DuckdbDatabase() override {
    if (connection_) library_.duckdb_disconnect(&connection_);
    if (database_) library_.duckdb_close(&database_);
  }

  Result<void> open(DatabaseLimits limits) {
    if (library_.duckdb_open(nullptr, &database_) != kDuckdbSuccess ||
        library_.duckdb_connect(database_, &connection_) != kDuckdbSuccess)
      return fail(codes::kIo, "DuckDB could not open an in-memory database");
    // Extensions that the library lacks must not be fetched from the network.
    TRY(query("SET autoinstall_known_extensions = false", nullptr));
    if (limits.threads != 0) TRY(query("SET threads = " + std::to_string(limits.threads), nullptr));
    if (limits.memory_mib != 0)
      TRY(query("SET memory_limit = '" + std::to_string(limits.memory_mib) + "MiB'", nullptr));
    return {};
  }

  Result<Numbers> query_floats(const std::string& sql) override {
    Numbers out;
    TRY(query(sql, &out));
    return out;
  }

 private:
  Result<void> query(const std::string& sql, Numbers* out) {
    DuckdbResult result{};
    Result<void> outcome;
    if (library_.duckdb_query(connection_, sql.c_str(), &result) != kDuckdbSuccess) {
      const char* message = library_.duckdb_result_error(&result);
      outcome = fail(codes::kInvalid, message ? message : "DuckDB refuses the query");
    } else if (out) {
      outcome = fetch(result, *out);
    }
    library_.duckdb_destroy_result(&result);
    return outcome;
  }

  Result<void> fetch(DuckdbResult& result, Numbers& out) {
    const std::uint64_t columns = library_.duckdb_column_count(&result);
    for (std::uint64_t column = 0; column < columns; ++column) {
      out.columns.emplace_back(library_.duckdb_column_name(&result, column));
      if (library_.duckdb_column_type(&result, column) != kDuckdbTypeFloat)
        return fail(codes::kInvalid, "column " + out.columns.back() + " is not FLOAT");
    }
    while (void* chunk = library_.duckdb_fetch_chunk(result)) {
      append(chunk, columns, out);
      library_.duckdb_destroy_data_chunk(&chunk);
    }
    return {};
  }

  void append(void* chunk, std::uint64_t columns, Numbers& out) {
    const std::uint64_t rows = library_.duckdb_data_chunk_get_size(chunk);
    const std::size_t base = out.values.size();
    out.values.resize(base + rows * columns);
    for (std::uint64_t column = 0; column < columns; ++column) {
      void* vector = library_.duckdb_data_chunk_get_vector(chunk, column);
      const auto* data = static_cast<const float*>(library_.duckdb_vector_get_data(vector));
      // One bit per row; no mask when no value is NULL.
      const std::uint64_t* valid = library_.duckdb_vector_get_validity(vector);
      for (std::uint64_t row = 0; row < rows; ++row) {
        const bool there = !valid || (valid[row / 64] >> (row % 64) & 1) != 0;
        out.values[base + row * columns + column] =
            there ? data[row] : std::numeric_limits<float>::quiet_NaN();
      }
    }
    out.rows += rows;
  }

  const DuckdbLibrary& library_;
  void* database_ = nullptr;
  void* connection_ = nullptr;
};

}  // namespace

std::string quote(const std::string& text) {
  std::string out = "'";
  for (char letter : text) {
    if (letter == '\'') out += '\'';
    out += letter;
  }
  return out + "'";
}

Result<std::unique_ptr<Database>> open_database(DatabaseLimits limits) {
  const DuckdbLibrary* library = TRY(duckdb_library());
  auto database = std::make_unique<DuckdbDatabase>(*library);
  TRY(database->open(limits));
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace tidemill::sql
