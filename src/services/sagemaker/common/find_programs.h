// The programs that jobs run.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "services/sagemaker/common/images/images.h"

namespace tidemill::services::sagemaker {

// This binary, the interpreter `python` (a path, or a name in PATH), and our Python toolkit, which
// is unpacked below `runtimes`. Without the interpreter a warning is logged, and scripts cannot
// run.
Result<Programs> find_programs(const std::string& python, const std::filesystem::path& runtimes);

}  // namespace tidemill::services::sagemaker
