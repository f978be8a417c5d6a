// Text that goes into records must be UTF-8: JSON has no other.
#pragma once

#include <string_view>

namespace tidemill {

bool is_valid_utf8(std::string_view text);

}  // namespace tidemill
