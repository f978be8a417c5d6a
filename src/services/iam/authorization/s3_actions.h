// S3's actions do not have its operations' names.
#pragma once

#include "services/iam/authorization/authorize.h"

namespace tidemill::services::iam {

std::vector<RequiredAction> s3_actions(std::string_view operation, const Value& input);

}  // namespace tidemill::services::iam
