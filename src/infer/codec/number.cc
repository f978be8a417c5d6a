#include "infer/codec/number.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace tidemill::infer {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

const char* skip_digits(const char* at, const char* end) {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

// The end of a number in JSON's grammar; null when none starts here.
const char* json_number_end(const char* at, const char* end) {
  if (at != end && *at == '-') ++at;
  const char* whole = at;
  at = skip_digits(at, end);
  if (at == whole || (*whole == '0' && at - whole > 1)) return nullptr;
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    at = skip_digits(at, end);
    if (at == fraction) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '-' || *at == '+')) ++at;
    const char* power = at;
    at = skip_digits(at, end);
    if (at == power) return nullptr;
  }
  return at;
}

// Whether a number beyond double's range is too large rather than too small: decided by the place
// of its first digit other than zero.
bool is_large(std::string_view text) {
  constexpr std::int64_t kFar = 1'000'000'000;
  std::int64_t place = 0;  // place of the next digit, in powers of ten below the point
  bool seen = false, fraction = false;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') fraction = true;
    if (!is_digit(text[at])) continue;
    seen = seen || text[at] != '0';
    if (seen && !fraction) ++place;
    if (!seen && fraction) --place;
  }
  if (at == text.size()) return place > 0;
  text.remove_prefix(at + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t power = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), power);
  if (error == std::errc::result_out_of_range) return !text.starts_with('-');
  return place + std::clamp(power, -kFar, kFar) > 0;
}

}  // namespace

const char* parse_number_slowly(const char* begin, const char* end, bool json, float& value) {
  if (json) {
    end = json_number_end(begin, end);
    if (end == nullptr) return nullptr;
  } else if (begin != end && *begin == '+') {
    ++begin;
    if (begin != end && *begin == '-') return nullptr;
  }
  auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::invalid_argument) return nullptr;
  if (error == std::errc::result_out_of_range) {
    const bool large = is_large({begin, static_cast<std::size_t>(stop - begin)});
    value = large ? std::numeric_limits<float>::infinity() : 0.0f;
    if (*begin == '-') value = -value;
  }
  return stop;
}

}  // namespace tidemill::infer
