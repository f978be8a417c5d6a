// Big libraries that only some users need: opened when first needed.
#pragma once

#include "base/error.h"

namespace tidemill {

struct SharedLibrary {
  const char* file;         // "libduckdb.so"
  const char* environment;  // the variable that may name another path
  const char* cache;        // the checkout's folder that set-up puts it in: ".cache/duckdb"
  const char* name;         // for messages: "DuckDB"
  const char* package;      // where it comes from
};

// dlopen's handle, never closed. Looked for at the environment's path, beside the program, in the
// checkout's cache, and where the system's linker looks. Tidemill.NotFound says what to do.
Result<void*> open_shared_library(const SharedLibrary& library);

}  // namespace tidemill
