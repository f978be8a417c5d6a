// Reads small text files.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace tidemill {

// The whole file. Tidemill.NotFound when it does not exist, Tidemill.Io when it cannot be read or
// is no file: opening a directory for reading succeeds, and a stream's iterators throw at the first
// byte. Read only files whose size is known to be small.
Result<std::string> read_text_file(const std::filesystem::path& path);

}  // namespace tidemill
