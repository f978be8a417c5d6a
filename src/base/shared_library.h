// Large libraries that only some users need: opened at first use.
#pragma once

#include "base/error.h"

namespace tidemill {

struct SharedLibrary {
  const char* file;         // "libduckdb.so"
  const char* environment;  // environment variable that may name another path
  const char* cache;        // folder in the checkout where set-up puts it: ".cache/duckdb"
  const char* name;         // for messages: "DuckDB"
  const char* package;      // the package that provides it
};

// dlopen's handle, never closed. Searches the environment's path, beside the program, the
// checkout's cache, then the system linker's paths. Tidemill.NotFound says what to do.
Result<void*> open_shared_library(const SharedLibrary& library);

}  // namespace tidemill
