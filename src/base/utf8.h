// Text in records must be UTF-8, because JSON allows nothing else.
#pragma once

#include <string>
#include <string_view>

namespace tidemill {

bool is_valid_utf8(std::string_view text);

// Jobs and models may print any bytes. Each malformed sequence becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

// At most `bytes_max` bytes, never splitting a character.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace tidemill
