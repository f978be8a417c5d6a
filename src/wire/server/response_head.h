// The bytes of a response's head.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/http.h"

namespace tidemill::wire {

// "OK", "Not Found"; "Unknown" for a number without a name.
std::string_view status_reason(int status);

struct ResponseFraming {
  std::optional<std::uint64_t> content_length;  // absent: chunked, or none at all
  bool chunked = false;
  bool close = false;
  bool keep_alive_1_0 = false;  // an HTTP/1.0 client that asked for keep-alive
};

// Appends status line, fields and the empty line. Content-Length, Transfer-Encoding and Connection
// come from `framing`, never from `headers`; CR and LF in a value become spaces.
void append_response_head(int status, const Headers& headers, const ResponseFraming& framing,
                          std::string_view date, std::string_view server, std::string& out);

}  // namespace tidemill::wire
