// Parquet bodies, read by DuckDB.
#pragma once

#include <string_view>

#include "infer/model.h"

namespace tidemill::infer {

// Every column is a feature, in the file's order; NULL means missing. Opens a database for each
// call, which takes milliseconds. Tidemill.Invalid also when DuckDB's library is missing.
Result<Matrix> parse_parquet(std::string_view bytes);

}  // namespace tidemill::infer
