// Small files of the data folder, written so that neither readers nor crashes leave half a file.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace tidemill::server {

// Writes a temporary file, syncs it and renames it over the path. Mode as in chmod.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode);

}  // namespace tidemill::server
