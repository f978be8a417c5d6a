// The module of Amazon Simple Queue Service.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::sqs {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::sqs
