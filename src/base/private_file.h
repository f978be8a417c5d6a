// Small files with secrets: readable by their owner only, written whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill {

// Tidemill.NotFound when it does not exist; Tidemill.Invalid, with what to do, when others may read
// it. `what` names the contents in messages: "the root access key".
Result<std::string> read_private_file(const std::filesystem::path& path, std::string_view what);
// Mode 0600; durable when it returns.
Result<void> write_private_file(const std::filesystem::path& path, std::string_view text,
                                std::string_view what);

}  // namespace tidemill
