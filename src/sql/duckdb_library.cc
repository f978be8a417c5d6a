#include "sql/duckdb_library.h"

#include <dlfcn.h>

#include "base/shared_library.h"

namespace tidemill::sql {
namespace {

constexpr SharedLibrary kDuckdb{"libduckdb.so", "TIDEMILL_DUCKDB_LIBRARY", ".cache/duckdb",
                                "DuckDB", "the npm package @duckdb/node-bindings-linux-x64 1.4"};

Result<DuckdbLibrary> open_library() {
  void* handle = TRY(open_shared_library(kDuckdb));
  DuckdbLibrary library{};
#define TIDEMILL_DUCKDB_LOAD(name)                                               \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name)); \
  if (!library.name) return fail(codes::kNotFound, "libduckdb.so has no function " #name)
  TIDEMILL_DUCKDB_LOAD(duckdb_open);
  TIDEMILL_DUCKDB_LOAD(duckdb_close);
  TIDEMILL_DUCKDB_LOAD(duckdb_connect);
  TIDEMILL_DUCKDB_LOAD(duckdb_disconnect);
  TIDEMILL_DUCKDB_LOAD(duckdb_query);
  TIDEMILL_DUCKDB_LOAD(duckdb_destroy_result);
  TIDEMILL_DUCKDB_LOAD(duckdb_result_error);
  TIDEMILL_DUCKDB_LOAD(duckdb_column_count);
  TIDEMILL_DUCKDB_LOAD(duckdb_column_name);
  TIDEMILL_DUCKDB_LOAD(duckdb_column_type);
  TIDEMILL_DUCKDB_LOAD(duckdb_fetch_chunk);
  TIDEMILL_DUCKDB_LOAD(duckdb_destroy_data_chunk);
  TIDEMILL_DUCKDB_LOAD(duckdb_data_chunk_get_size);
  TIDEMILL_DUCKDB_LOAD(duckdb_data_chunk_get_vector);
  TIDEMILL_DUCKDB_LOAD(duckdb_vector_get_data);
  TIDEMILL_DUCKDB_LOAD(duckdb_vector_get_validity);
#undef TIDEMILL_DUCKDB_LOAD
  return library;
}

}  // namespace

Result<const DuckdbLibrary*> duckdb_library() {
  static const Result<DuckdbLibrary> opened = open_library();
  if (!opened) return fail(opened.error());
  return &*opened;
}

}  // namespace tidemill::sql
