// Invariants of the records (store/invariant.h): "" if a record keeps them, else what is wrong.
#pragma once

#include <string_view>

#include "services/iam/records.h"
#include "store/invariant.h"

namespace tidemill::services::iam {

std::string_view invariant(const RoleRecord& role);
std::string_view invariant(const UserRecord& user);
std::string_view invariant(const GroupRecord& group);
std::string_view invariant(const InstanceProfileRecord& profile);
std::string_view invariant(const PolicyRecord& policy);

}  // namespace tidemill::services::iam
