// Checks of the tags that a key may have.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/kms/shared.h"
#include "base/error.h"

namespace tidemill::services::kms {

// Adds or replaces. TagException, LimitExceededException.
Result<void> add_tags(std::map<std::string, std::string>& tags,
                      const std::vector<api::kms::Tag>& given);

}  // namespace tidemill::services::kms
