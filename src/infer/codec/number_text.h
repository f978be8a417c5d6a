// Writes numbers like the containers.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

namespace tidemill::infer {

// Like Python's float: the shortest text of the value as a double, always with a point.
inline void append_number(double value, std::string& out) {
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  std::string_view written(text, static_cast<std::size_t>(end - text));
  out += written;
  if (written.find_first_of(".en") == std::string_view::npos) out += ".0";
}

}  // namespace tidemill::infer
