// Text forms of bytes: base64, hexadecimal, percent-encoding.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill {

std::string encode_base64(std::string_view bytes);
// Standard alphabet, padded; Tidemill.Invalid otherwise.
Result<std::string> decode_base64(std::string_view text);
std::string encode_hex(std::string_view bytes);
// Writes two digits per byte to `out`, which must have room for them.
void write_hex(std::string_view bytes, char* out);
Result<std::string> decode_hex(std::string_view text);
// RFC 3986: encodes all but unreserved characters as %XX; keeps '/' if `keep_slash`.
std::string percent_encode(std::string_view text, bool keep_slash = false);
// %XX to bytes; '+' to a space if `plus_is_space`. A broken escape is Tidemill.Invalid.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace tidemill
