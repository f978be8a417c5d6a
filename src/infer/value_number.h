// Numbers of a JSON document in any notation.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/value.h"

namespace tidemill::infer {

// NaN when the value is absent or not a number.
inline double number_or_nan(const Value* value) {
  if (value) {
    if (const double* real = value->get_if<double>()) return *real;
    if (const std::int64_t* whole = value->get_if<std::int64_t>())
      return static_cast<double>(*whole);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// nullopt when the value is absent or not a whole number from 0 on.
inline std::optional<std::uint64_t> whole_number(const Value* value) {
  constexpr double kExactMax = 9007199254740992.0;  // 2^53
  const double number = number_or_nan(value);
  if (!(number >= 0) || number > kExactMax || number != std::floor(number)) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

}  // namespace tidemill::infer
