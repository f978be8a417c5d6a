#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "services/s3/interface.h"

namespace tidemill::services::sagemaker {

using s3::S3Uri;

// "s3://bucket/key", also "https://s3...amazonaws.com/bucket/key" forms. ValidationException
// otherwise.
Result<S3Uri> parse_s3_uri(std::string_view text);
// The prefix with exactly one '/' between it and what is added.
std::string join_key(std::string_view prefix, std::string_view rest);

}  // namespace tidemill::services::sagemaker
