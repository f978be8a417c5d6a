// Content-Type and Accept values.
#pragma once

#include <string>
#include <string_view>

namespace tidemill::infer {

// "text/csv" of " Text/CSV; charset=utf-8".
std::string media_type(std::string_view header);
// The first supported type of an Accept header's list; `otherwise` when the header is empty or its
// first usable entry is a wildcard; "" when it names only unsupported types.
std::string accepted_type(std::string_view accept, const std::string& otherwise);

}  // namespace tidemill::infer
