// The module of STS.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::sts {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::sts
