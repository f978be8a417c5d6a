// How to find the tags of services' resources, for aws:ResourceTag in policies.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::services::platform {

using ResourceTags = std::map<std::string, std::string>;
// Returns the tags of the resource with this ARN; empty when it has none or does not exist.
using TagSource = std::function<Result<ResourceTags>(std::string_view arn)>;
// Keyed by the service in the ARN ("sagemaker").
using TagSources = std::map<std::string, TagSource, std::less<>>;

}  // namespace tidemill::services::platform
