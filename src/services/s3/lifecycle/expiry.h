// When the rules of a bucket will delete an object, for the x-amz-expiration header.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

// nullopt when no rule is about the object, or the rules cannot be read.
std::optional<std::string> expiration_header(const Core& core, const Bucket& bucket,
                                             std::string_view key, const ObjectRecord& object);

}  // namespace tidemill::services::s3
