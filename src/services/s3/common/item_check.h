// Permission for one of several items that an operation names.
#pragma once

#include <functional>
#include <string_view>

#include "base/value.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::s3 {

// Whether the caller may do `action` ("s3:DeleteObject") to the ARN `resource`. `input` is what the
// operation would have for this item alone: Bucket, Key, VersionId.
using ItemCheck = std::function<Result<void>(const Context& context, std::string_view action,
                                             std::string_view resource, const Value& input)>;

}  // namespace tidemill::services::s3
