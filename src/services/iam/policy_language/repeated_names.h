// Members of one JSON object that have the same name. Readers disagree about which of them counts,
// so a policy must not have any.
#pragma once

#include <string_view>

namespace tidemill::services::iam {

// The text must be well-formed JSON.
bool has_repeated_names(std::string_view text);

}  // namespace tidemill::services::iam
