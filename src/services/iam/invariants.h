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
std::string_view invariant(const AliasRecord& alias);
std::string_view invariant(const KeyUseRecord& use);
std::string_view invariant(const SessionRecord& session);
std::string_view invariant(const GrantRecord& grant);
std::string_view invariant(const FirstStepRecord& step);

}  // namespace tidemill::services::iam
