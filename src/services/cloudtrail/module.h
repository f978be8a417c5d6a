// The module of AWS CloudTrail: the audit log, its history and its trails.
#pragma once

#include <memory>

#include "services/platform/module/module.h"

namespace tidemill::services::cloudtrail {

std::unique_ptr<platform::Module> make_module();

}  // namespace tidemill::services::cloudtrail
