// Whether the role that `tidemill env` is to act as can be had.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/api_call.h"

namespace tidemill::cli {

// Fetches the role's credentials as an SDK will. Tidemill.NotFound when there is no such role; the
// message lists those that exist, which `root`, the root key, may ask for.
Result<void> check_role(const std::string& role, const std::string& credentials_url,
                        const std::string& token, const ApiTarget& root);

}  // namespace tidemill::cli
