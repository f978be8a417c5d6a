// Reads a model's file up to a limit, so that a format's reader never gets more than it can handle.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace tidemill::infer {

// Tidemill.Invalid when the file cannot be read, is empty, or has more than bytes_max bytes.
Result<std::string> read_model_file(const std::string& path, std::size_t bytes_max);

}  // namespace tidemill::infer
