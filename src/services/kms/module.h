// The module of AWS Key Management Service.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::kms {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::kms
