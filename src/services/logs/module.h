// The module of CloudWatch Logs.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::logs {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::logs
