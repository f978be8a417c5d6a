// Decimal text to float, correctly rounded, several times faster than std::from_chars.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace tidemill::infer {

// The value of the number that starts at `begin` ("-1.5e3", "inf", "nan"; a leading '+' is
// allowed), rounded to the nearest float, ties to even; beyond float's range: zero or infinity.
// Returns the first character after it, or null when there is no number. `json`: accept only
// numbers in JSON's grammar.
const char* parse_number_slowly(const char* begin, const char* end, bool json, float& value);

namespace number_detail {

static_assert(std::endian::native == std::endian::little);

inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
inline constexpr std::int64_t kExactPowerMax = 22;  // 10^23 is not exact as a double
inline constexpr std::uint64_t kWholePowers[] = {1,       10,        100,        1'000,      10'000,
                                                 100'000, 1'000'000, 10'000'000, 100'000'000};
inline constexpr std::int64_t kDigitsMax = 19;  // that surely fit 64 bits

// How many of the eight characters, starting with the first, are digits.
inline int leading_digits(std::uint64_t eight) {
  // Not zero in the place of each character that is not a digit, or at least the first: the high
  // half of '0' to '9' is 3, both as it is and after adding 6.
  const std::uint64_t other =
      ((eight & 0xF0F0F0F0F0F0F0F0) ^ 0x3030303030303030) |
      (((eight + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) ^ 0x3030303030303030);
  return other == 0 ? 8 : std::countr_zero(other) / 8;
}

inline std::uint64_t eight_digits(std::uint64_t text) {
  text -= 0x3030303030303030;
  text = text * 10 + (text >> 8);  // pairs, in every other byte
  constexpr std::uint64_t kPairs = 0x000000FF000000FF;
  return (((text & kPairs) * (100 + (std::uint64_t{1'000'000} << 32))) +
          (((text >> 16) & kPairs) * (1 + (std::uint64_t{10'000} << 32)))) >>
         32;
}

// Appends the digits at `at` to the mantissa, which may wrap around if there are too many.
inline const char* take_digits(const char* at, const char* end, std::uint64_t& mantissa) {
  while (end - at >= 8) {
    std::uint64_t eight;
    std::memcpy(&eight, at, 8);
    const int digits = leading_digits(eight);
    if (digits == 0) return at;
    // Moves the digits to the end, with zeros before them. Shifting by all 64 bits is undefined,
    // but there is at least one digit.
    const int missing = 8 - digits;
    if (missing != 0) eight = eight << (8 * missing) | 0x3030303030303030 >> (8 * digits);
    mantissa = mantissa * kWholePowers[digits] + eight_digits(eight);
    at += digits;
    if (digits < 8) return at;
  }
  for (; at != end; ++at) {
    const auto digit = static_cast<unsigned char>(*at - '0');
    if (digit > 9) break;
    mantissa = mantissa * 10 + digit;
  }
  return at;
}

// Adds the number after the 'e' at `at` to the exponent; null when it needs a closer look.
inline const char* take_exponent(const char* at, const char* end, std::int64_t& exponent) {
  ++at;
  const bool negative = at != end && *at == '-';
  if (negative || (at != end && *at == '+')) ++at;
  std::uint64_t power = 0;
  const char* first = at;
  at = take_digits(at, end, power);
  if (at == first || at - first > 4) return nullptr;
  exponent += negative ? -static_cast<std::int64_t>(power) : static_cast<std::int64_t>(power);
  return at;
}

}  // namespace number_detail

// Like parse_number_slowly. If double holds the mantissa and the power of ten, the result is off by
// at most two units in its last place; unless the middle between two floats is that close, rounding
// it to float equals rounding the number itself.
inline const char* parse_number(const char* begin, const char* end, bool json, float& value) {
  using namespace number_detail;
  const char* at = begin;
  const bool negative = at != end && *at == '-';
  at += negative;  // signs are random: no branch here and below
  std::uint64_t mantissa = 0;
  const char* whole = at;
  at = take_digits(at, end, mantissa);
  std::int64_t digits = at - whole;
  if (digits == 0 || (json && digits > 1 && *whole == '0')) [[unlikely]]
    return parse_number_slowly(begin, end, json, value);
  std::int64_t exponent = 0;
  bool fraction_of_nothing = false;  // "1."
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    at = take_digits(at, end, mantissa);
    exponent = fraction - at;
    digits -= exponent;
    fraction_of_nothing = exponent == 0;
  }
  if (at != end && (*at | 0x20) == 'e') at = take_exponent(at, end, exponent);
  if (at == nullptr || digits > kDigitsMax || static_cast<std::int64_t>(mantissa) < 0 ||
      (json && fraction_of_nothing) || exponent < -kExactPowerMax || exponent > kExactPowerMax)
      [[unlikely]]
    return parse_number_slowly(begin, end, json, value);
  double wide = static_cast<double>(static_cast<std::int64_t>(mantissa));
  if (exponent < 0)
    wide /= kPowersOfTen[-exponent];
  else
    wide *= kPowersOfTen[exponent];
  constexpr std::uint64_t kBelowFloat = (std::uint64_t{1} << 29) - 1;
  constexpr std::uint64_t kMiddle = std::uint64_t{1} << 28, kOff = 4;
  if ((std::bit_cast<std::uint64_t>(wide) & kBelowFloat) - (kMiddle - kOff) <= 2 * kOff ||
      wide > std::numeric_limits<float>::max()) [[unlikely]]
    return parse_number_slowly(begin, end, json, value);
  value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(wide)) |
                               std::uint32_t{negative} << 31);
  return at;
}

}  // namespace tidemill::infer
