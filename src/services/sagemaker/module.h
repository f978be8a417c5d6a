// The module of SageMaker.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::sagemaker {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::sagemaker
