// Warnings to the author of a policy when it is stored.
#pragma once

#include <string>
#include <vector>

#include "services/iam/policy_language/document.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::iam {

// The answer's header that names the condition keys which this server cannot evaluate.
inline constexpr const char* kWarningHeader = "x-tidemill-warning";

// Keys of its conditions and variables that this server can tell for no request, each once.
std::vector<std::string> unknown_condition_keys(const PolicyDocument& document);
// Into the answer's header and the log; nothing when all keys are known.
void warn_of_unknown_keys(Context& context, const PolicyDocument& document);

}  // namespace tidemill::services::iam
