#include "infer/xgboost/pickle.h"

#include <cstdint>
#include <cstring>

namespace tidemill::infer::xgboost {
namespace {

// Opcodes of byte strings and the width of the little-endian length that follows (Python's
// pickletools): BINBYTES, BINBYTES8, BYTEARRAY8, and BINSTRING of Python 2.
int length_width(char opcode) {
  switch (static_cast<unsigned char>(opcode)) {
    case 'B':
      return 4;
    case 'T':
      return 4;
    case 0x8e:
      return 8;
    case 0x96:
      return 8;
    default:
      return 0;
  }
}

// A serialized booster begins with the offset of its configuration (before 1.6), with JSON, or with
// UBJSON.
bool looks_serialized(std::string_view bytes) {
  return bytes.starts_with("CONFIG-offset:") || bytes.starts_with("{L") ||
         bytes.starts_with("{\"") || bytes.starts_with("binf");
}

}  // namespace

Result<std::string_view> find_pickled_booster(std::string_view pickle) {
  constexpr std::string_view kProtocolOpcode = "\x80";
  std::string_view best;
  if (pickle.starts_with(kProtocolOpcode)) {
    for (std::size_t at = 0; at + 5 < pickle.size(); ++at) {
      const int width = length_width(pickle[at]);
      if (width == 0 || at + 1 + width > pickle.size()) continue;
      std::uint64_t length = 0;
      std::memcpy(&length, pickle.data() + at + 1, static_cast<std::size_t>(width));
      const std::size_t start = at + 1 + static_cast<std::size_t>(width);
      if (length <= best.size() || length > pickle.size() - start) continue;
      std::string_view bytes = pickle.substr(start, length);
      if (looks_serialized(bytes)) best = bytes;
    }
  }
  if (best.empty())
    return fail(codes::kInvalid, "no pickle of an xgboost.Booster (protocol 2 or later)");
  return best;
}

}  // namespace tidemill::infer::xgboost
