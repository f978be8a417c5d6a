#pragma once

#include <string_view>

namespace tidemill::wire {

// Strings of the models are text: what is stored and sent on as JSON must be UTF-8.
bool is_valid_utf8(std::string_view text);

}  // namespace tidemill::wire
