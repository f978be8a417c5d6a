// Reads and writes small text files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill {

// Reads the whole file. Tidemill.NotFound when it does not exist; Tidemill.Io when it cannot be
// read or is not a file (a directory can be opened for reading, and a stream's iterators then throw
// at the first byte). Only for files that are known to be small.
Result<std::string> read_text_file(const std::filesystem::path& path);

// Also fails with Tidemill.Invalid, saying what to do, when other users may read the file.
Result<std::string> read_secret_file(const std::filesystem::path& path);

// Makes or replaces a file, so that neither readers nor crashes see half of it: writes a temporary
// file, syncs it and renames it over the path. `mode` as in chmod, whatever the umask.
// Tidemill.StorageFull or Tidemill.Io on failure.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode);

// Syncs the folder as well: after a crash the file is still there.
Result<void> write_file_durably(const std::filesystem::path& path, std::string_view text,
                                unsigned mode);

}  // namespace tidemill
