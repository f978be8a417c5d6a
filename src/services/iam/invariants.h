// What holds for the records whenever they are written (store/invariant.h); "" when it does.
#pragma once

#include <string_view>

#include "services/iam/records.h"
#include "store/invariant.h"

namespace tidemill::services::iam {

std::string_view invariant(const RoleRecord& role);

}  // namespace tidemill::services::iam
