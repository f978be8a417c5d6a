// Tags of roles and policies.
#pragma once

#include <optional>
#include <vector>

#include "api/iam/shared.h"
#include "base/error.h"
#include "services/iam/records.h"

namespace tidemill::services::iam {

// Adds or replaces; LimitExceeded, and InvalidInput for a key that comes twice.
Result<void> merge_tags(const std::vector<api::iam::Tag>& tags, std::vector<TagRecord>& out);
std::vector<api::iam::Tag> api_tags(const std::vector<TagRecord>& tags);

}  // namespace tidemill::services::iam
