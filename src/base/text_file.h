// Reads small text files.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace tidemill {

// Reads the whole file. Tidemill.NotFound when it does not exist; Tidemill.Io when it cannot be
// read or is not a file (a directory can be opened for reading, and a stream's iterators then throw
// at the first byte). Only for files that are known to be small.
Result<std::string> read_text_file(const std::filesystem::path& path);

}  // namespace tidemill
