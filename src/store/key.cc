#include "store/table.h"

namespace tidemill::store {

namespace {
constexpr char kSeparator = '\x1f';
// Less than the separator, so that an escaped part sorts before longer parts.
constexpr char kEscape = '\x1e';
constexpr char kEscapedSeparator = '2';
constexpr char kEscapedEscape = '1';
}  // namespace

std::string key(std::initializer_list<std::string_view> parts) {
  std::string joined;
  bool first = true;
  for (std::string_view part : parts) {
    if (!first) joined += kSeparator;
    first = false;
    for (char byte : part) {
      if (byte == kSeparator) {
        joined += {kEscape, kEscapedSeparator};
      } else if (byte == kEscape) {
        joined += {kEscape, kEscapedEscape};
      } else {
        joined += byte;
      }
    }
  }
  return joined;
}

std::vector<std::string> split_key(std::string_view key) {
  std::vector<std::string> parts(1);
  for (std::size_t at = 0; at < key.size(); ++at) {
    if (key[at] == kSeparator) {
      parts.emplace_back();
    } else if (key[at] == kEscape && at + 1 < key.size()) {
      parts.back() += key[++at] == kEscapedSeparator ? kSeparator : kEscape;
    } else {
      parts.back() += key[at];
    }
  }
  return parts;
}

}  // namespace tidemill::store
