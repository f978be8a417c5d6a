#pragma once

#include <string>
#include <string_view>

namespace tidemill::services::logs {

// Output of jobs is bytes; logs are text. Every malformed sequence becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

// At most `bytes_max` bytes, without cutting a character in two.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace tidemill::services::logs
