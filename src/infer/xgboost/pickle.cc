#include "infer/xgboost/pickle.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "infer/xgboost/objective.h"

namespace tidemill::infer::xgboost {
namespace {

// The struct before the objective's name in a bare model (binary_model.cc).
constexpr std::size_t kLearnerBytes = 136;
constexpr std::size_t kObjectiveBytesMax = 64;
constexpr std::size_t kHeadBytes = kLearnerBytes + sizeof(std::uint64_t) + kObjectiveBytesMax;
// Texts are decoded to examine them: a file full of opcodes must not make that expensive.
constexpr int kTextsMax = 4096;
constexpr int kWholeTextsMax = 16;
// A pickle without a protocol mark names the class within these bytes.
constexpr std::size_t kClassNameWithin = 512;

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

// Before 1.0 a pickle holds the output of XGBoosterGetModelRaw(): a binary model without a mark.
bool looks_bare(std::string_view bytes) {
  if (bytes.size() < kLearnerBytes + sizeof(std::uint64_t)) return false;
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data() + kLearnerBytes, sizeof length);
  bytes.remove_prefix(kLearnerBytes + sizeof length);
  return length <= std::min(kObjectiveBytesMax, bytes.size()) &&
         find_objective(bytes.substr(0, length)).has_value();
}

// A serialized booster begins with the offset of its configuration (before 1.6), with JSON, or with
// UBJSON.
bool looks_like_booster(std::string_view bytes) {
  return bytes.starts_with("CONFIG-offset:") || bytes.starts_with("{L") ||
         bytes.starts_with("{\"") || bytes.starts_with("binf") || looks_bare(bytes);
}

// Bytes pickled as UTF-8 of Latin-1 (protocols 1 and 2); "" when the text is not such bytes.
std::string from_utf8(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (std::size_t at = 0; at < text.size() && out.size() < bytes_max; ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      out += text[at];
    } else if ((byte == 0xc2 || byte == 0xc3) && at + 1 < text.size()) {
      out += static_cast<char>(((byte & 3) << 6) | (text[++at] & 0x3f));
    } else {
      return "";
    }
  }
  return out;
}

// Bytes pickled as a line of text in which some are written as \u005c (protocol 0).
std::string from_escapes(std::string_view line, std::size_t bytes_max) {
  std::string out;
  while (!line.empty() && out.size() < bytes_max) {
    if (!line.starts_with("\\u00") || line.size() < 6) {
      out += line.front();
      line.remove_prefix(1);
      continue;
    }
    int value = 0;
    for (const char digit : line.substr(4, 2)) {
      const int low = digit | 0x20;
      if ((low < '0' || low > '9') && (low < 'a' || low > 'f')) return "";
      value = value * 16 + (low > '9' ? low - 'a' + 10 : low - '0');
    }
    out += static_cast<char>(value);
    line.remove_prefix(6);
  }
  return out;
}

// Finds the booster among the texts of a pickle: opcodes 'X' (a length, then UTF-8) and 'V' (a
// line).
std::string booster_in_texts(std::string_view pickle) {
  std::string best;
  int texts = 0, whole_texts = 0;
  std::size_t line_end = 0;  // of the line that `at` is in
  for (std::size_t at = 0; at + 5 < pickle.size() && texts < kTextsMax; ++at) {
    if (pickle[at] != 'X' && pickle[at] != 'V') continue;
    std::string_view text = pickle.substr(at + 1);
    const bool line = pickle[at] == 'V';
    if (line) {
      if (line_end <= at) line_end = std::min(pickle.find('\n', at), pickle.size());
      text = text.substr(0, line_end - at - 1);
    } else {
      std::uint32_t length = 0;
      std::memcpy(&length, text.data(), sizeof length);
      text.remove_prefix(sizeof length);
      if (length > text.size()) continue;
      text = text.substr(0, length);
    }
    // A text is never shorter than the bytes that it encodes.
    if (text.size() < kLearnerBytes || text.size() <= best.size()) continue;
    ++texts;
    const auto decode = line ? from_escapes : from_utf8;
    if (!looks_like_booster(decode(text, kHeadBytes))) continue;
    if (++whole_texts > kWholeTextsMax) break;
    if (std::string bytes = decode(text, text.size()); bytes.size() > best.size())
      best = std::move(bytes);
  }
  return best;
}

}  // namespace

Result<std::string_view> find_pickled_booster(std::string_view pickle, std::string& decoded) {
  constexpr std::string_view kProtocolOpcode = "\x80";
  const bool old = pickle.starts_with('c') &&
                   pickle.substr(0, kClassNameWithin).contains("xgboost.core\nBooster");
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
      if (looks_like_booster(bytes)) best = bytes;
    }
  }
  if (best.empty() && (old || pickle.starts_with(kProtocolOpcode))) {
    decoded = booster_in_texts(pickle);
    best = decoded;
  }
  if (best.empty()) return fail(codes::kInvalid, "not a pickle of an xgboost.Booster");
  return best;
}

}  // namespace tidemill::infer::xgboost
