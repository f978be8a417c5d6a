// The module of IAM.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::iam {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::iam
