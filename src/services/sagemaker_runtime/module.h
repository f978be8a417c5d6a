// The module of SageMaker Runtime.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::sagemaker_runtime {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::sagemaker_runtime
