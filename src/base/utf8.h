// Text that goes into records must be UTF-8: JSON has no other.
#pragma once

#include <string>
#include <string_view>

namespace tidemill {

bool is_valid_utf8(std::string_view text);

// Output of jobs and models is bytes. Every malformed sequence becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

// At most `bytes_max` bytes, without cutting a character in two.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace tidemill
