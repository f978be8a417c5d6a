#include "sql/duckdb_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace tidemill::sql {
namespace {

constexpr const char* kLibraryName = "libduckdb.so";
// From build/<preset>/tidemill to the checkout, and from the test programs, which lie deeper.
constexpr int kFoldersUpMax = 5;

std::vector<std::string> candidates() {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  if (const char* given = std::getenv("TIDEMILL_DUCKDB_LIBRARY")) paths.emplace_back(given);
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  paths.push_back((folder / kLibraryName).string());
  for (int up = 0; up < kFoldersUpMax && folder.has_parent_path(); ++up) {
    folder = folder.parent_path();
    paths.push_back((folder / ".cache/duckdb" / kLibraryName).string());
  }
  std::erase_if(paths, [](const std::string& path) { return access(path.c_str(), R_OK) != 0; });
  paths.emplace_back(kLibraryName);
  return paths;
}

Result<DuckdbLibrary> open_library() {
  const std::string path = candidates().front();
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(
        codes::kNotFound,
        std::string("cannot load DuckDB: ") + dlerror() +
            "; put libduckdb.so (of the npm package @duckdb/node-bindings-linux-x64 1.4) beside "
            "the program, or name it in TIDEMILL_DUCKDB_LIBRARY");
  DuckdbLibrary library{};
#define TIDEMILL_DUCKDB_LOAD(name)                                               \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name)); \
  if (!library.name) return fail(codes::kNotFound, path + " has no function " #name)
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
