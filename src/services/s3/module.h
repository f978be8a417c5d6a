// The module of S3.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::s3 {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::s3
