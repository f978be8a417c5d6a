// Bodies from and to local files, for the interfaces that other services use.
#pragma once

#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"

namespace tidemill::services::s3 {

// Tidemill.Io.
Result<std::unique_ptr<ByteSource>> open_file(const std::string& path);
// Makes or replaces the file; its folder must be there.
Result<void> write_to_file(ByteSource& bytes, const std::string& path);

}  // namespace tidemill::services::s3
