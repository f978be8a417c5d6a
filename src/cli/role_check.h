// Checks that credentials of the role for `tidemill env` can be fetched.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/api_call.h"

namespace tidemill::cli {

// Fetches the role's credentials like an SDK. Tidemill.NotFound when there is no such role; the
// message lists the existing ones, read with the root key `root`.
Result<void> check_role(const std::string& role, const std::string& credentials_url,
                        const std::string& token, const ApiTarget& root);

}  // namespace tidemill::cli
