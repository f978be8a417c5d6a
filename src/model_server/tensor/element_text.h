// Elements of tensors as text.
#pragma once

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "infer/codec/number.h"

namespace tidemill::model_server {

// Parses the element at `begin`; returns the first character after it, or null when there is no
// element of that type. bool: true, false, 0 and 1.
template <class T>
const char* parse_element(const char* begin, const char* end, bool json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const std::string_view text(begin, static_cast<std::size_t>(end - begin));
    for (std::string_view word : {"true", "false", "1", "0"})
      if (text.starts_with(word)) {
        value = word == "true" || word == "1";
        return begin + word.size();
      }
    return nullptr;
  } else if constexpr (std::is_same_v<T, float>) {
    return infer::parse_number(begin, end, json, value);
  } else if constexpr (std::is_same_v<T, double>) {
    float narrow = 0;  // finds the end, under the grammar that is asked for
    const char* stop = infer::parse_number(begin, end, json, narrow);
    if (stop == nullptr) return nullptr;
    if (*begin == '+') ++begin;
    const std::errc error = std::from_chars(begin, stop, value).ec;
    if (error == std::errc::result_out_of_range) value = narrow;  // zero or infinite there as well
    return stop;
  } else {
    const auto [stop, error] = std::from_chars(begin, end, value);
    return error == std::errc() ? stop : nullptr;
  }
}

// The shortest text that reads back as the same value; floats always with a point or an exponent,
// NaN and infinities as Python's json writes and reads them.
template <class T>
void append_element(T value, std::string& out) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(value)) {
        out += "NaN";
        return;
      }
      if (std::isinf(value)) {
        out += value > 0 ? "Infinity" : "-Infinity";
        return;
      }
    }
    char text[32];
    const char* end = std::to_chars(text, text + sizeof text, value).ptr;
    const std::string_view written(text, static_cast<std::size_t>(end - text));
    out += written;
    if (std::is_floating_point_v<T> && written.find_first_of(".e") == std::string_view::npos)
      out += ".0";
  }
}

// The value for an absent element: NaN; false when the type has no such value.
template <class T>
bool missing(T& value) {
  if constexpr (std::is_floating_point_v<T>) value = std::numeric_limits<T>::quiet_NaN();
  return std::is_floating_point_v<T>;
}

}  // namespace tidemill::model_server
