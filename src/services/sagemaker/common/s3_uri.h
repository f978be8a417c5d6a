#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "services/s3/interface.h"

namespace tidemill::services::sagemaker {

using s3::S3Uri;

// Parses "s3://bucket/key" and the forms of "https://s3...amazonaws.com/bucket/key". Otherwise
// fails with ValidationException.
Result<S3Uri> parse_s3_uri(std::string_view text);
// The prefix, exactly one '/', and the rest.
std::string join_key(std::string_view prefix, std::string_view rest);

}  // namespace tidemill::services::sagemaker
