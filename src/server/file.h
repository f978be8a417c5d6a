// Small files of the data folder, written so that a reader or a crash never meets half of one.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace tidemill::server {

// A temporary file beside it, synced, then renamed over it. Mode as in chmod.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode);

}  // namespace tidemill::server
