// Text matching as policies mean it: '*' any run of characters, '?' exactly one.
#pragma once

#include <string>
#include <string_view>

namespace tidemill::services::iam {

bool matches_wildcard(std::string_view pattern, std::string_view text);
// The same without regard to ASCII case: for actions.
bool matches_wildcard_ignoring_case(std::string_view pattern, std::string_view text);
std::string ascii_lower(std::string_view text);

}  // namespace tidemill::services::iam
