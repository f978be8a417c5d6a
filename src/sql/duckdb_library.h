// The part of DuckDB's C API (1.4) in use, declared by hand: handles are opaque, and the functions
// are looked up when the library is opened.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tidemill::sql {

// duckdb_result: five members that the API calls deprecated, and an internal pointer.
struct DuckdbResult {
  std::uint64_t deprecated_counts[3];
  void* deprecated_columns;
  char* deprecated_error_message;
  void* internal_data;
};

struct DuckdbLibrary {
  using Handle = void*;
  using Index = std::uint64_t;
  int (*duckdb_open)(const char* path, Handle* database);
  void (*duckdb_close)(Handle* database);
  int (*duckdb_connect)(Handle database, Handle* connection);
  void (*duckdb_disconnect)(Handle* connection);
  int (*duckdb_query)(Handle connection, const char* sql, DuckdbResult* result);
  void (*duckdb_destroy_result)(DuckdbResult* result);
  const char* (*duckdb_result_error)(DuckdbResult* result);
  Index (*duckdb_column_count)(DuckdbResult* result);
  const char* (*duckdb_column_name)(DuckdbResult* result, Index column);
  int (*duckdb_column_type)(DuckdbResult* result, Index column);
  Handle (*duckdb_fetch_chunk)(DuckdbResult result);
  void (*duckdb_destroy_data_chunk)(Handle* chunk);
  Index (*duckdb_data_chunk_get_size)(Handle chunk);
  Handle (*duckdb_data_chunk_get_vector)(Handle chunk, Index column);
  void* (*duckdb_vector_get_data)(Handle vector);
  std::uint64_t* (*duckdb_vector_get_validity)(Handle vector);
};
inline constexpr int kDuckdbSuccess = 0;
inline constexpr int kDuckdbTypeFloat = 10;

// Opens the library at the first call; never closes it.
Result<const DuckdbLibrary*> duckdb_library();

}  // namespace tidemill::sql
