// Invariants of the records (store/invariant.h): "" if a record keeps them, else what is wrong.
#pragma once

#include <string_view>

#include "services/iam/records.h"
#include "store/invariant.h"

namespace tidemill::services::iam {

std::string_view invariant(const RoleRecord& role);

}  // namespace tidemill::services::iam
