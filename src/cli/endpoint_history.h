// `tidemill endpoint history NAME`
#pragma once

#include <string>

#include "base/error.h"
#include "cli/api_call.h"

namespace tidemill::cli {

// The endpoint's deployments, oldest first, as text for people or as JSON.
Result<std::string> endpoint_history(const ApiTarget& target, const std::string& endpoint,
                                     bool as_json);

}  // namespace tidemill::cli
