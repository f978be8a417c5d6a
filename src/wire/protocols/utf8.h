#pragma once

#include <string_view>

namespace tidemill::wire {

// The models' strings are text: JSON in the store and on the wire must be UTF-8.
bool is_valid_utf8(std::string_view text);

}  // namespace tidemill::wire
