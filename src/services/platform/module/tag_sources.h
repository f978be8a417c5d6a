// Where the tags of services' resources are found, for policies' aws:ResourceTag.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::services::platform {

using ResourceTags = std::map<std::string, std::string>;
// The tags of the resource that an ARN names; empty when it has none or is not there.
using TagSource = std::function<Result<ResourceTags>(std::string_view arn)>;
// By the service in the ARN ("sagemaker").
using TagSources = std::map<std::string, TagSource, std::less<>>;

}  // namespace tidemill::services::platform
