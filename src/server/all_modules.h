// The modules of this binary. CMake writes all_modules.cc from the folders below src/services/ that
// have a module.h.
#pragma once

#include <memory>
#include <vector>

#include "services/platform/module/module.h"

namespace tidemill::server {

std::vector<std::unique_ptr<services::platform::Module>> all_modules();

}  // namespace tidemill::server
