#include "base/encoding.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace tidemill {
namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(kBase64[i])] = std::int8_t(i);
  return values;
}
constexpr std::array<std::int8_t, 256> kBase64Values = make_base64_values();

// "00" to "ff": every signed request has three hashes written in hexadecimal.
constexpr std::array<std::array<char, 2>, 256> make_hex_pairs() {
  constexpr char kHex[] = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kHex[i >> 4], kHex[i & 15]};
  return pairs;
}
constexpr std::array<std::array<char, 2>, 256> kHexPairs = make_hex_pairs();

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t left = bytes.size() - i;
    auto at = [&](std::size_t k) -> unsigned {
      return k < left ? static_cast<unsigned char>(bytes[i + k]) : 0u;
    };
    unsigned triple = at(0) << 16 | at(1) << 8 | at(2);
    out += kBase64[triple >> 18];
    out += kBase64[triple >> 12 & 63];
    out += left > 1 ? kBase64[triple >> 6 & 63] : '=';
    out += left > 2 ? kBase64[triple & 63] : '=';
  }
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  auto invalid = [] { return fail(codes::kInvalid, "not valid base64"); };
  if (text.size() % 4 != 0) return invalid();
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    bool last = i + 4 == text.size();
    unsigned quad = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      int value =
          last && k >= 4 - padding ? 0 : kBase64Values[static_cast<unsigned char>(text[i + k])];
      if (value < 0) return invalid();
      quad = quad << 6 | unsigned(value);
    }
    out += char(quad >> 16 & 255);
    if (!last || padding < 2) out += char(quad >> 8 & 255);
    if (!last || padding < 1) out += char(quad & 255);
  }
  return out;
}

void write_hex(std::string_view bytes, char* out) {
  for (char c : bytes) {
    std::memcpy(out, kHexPairs[static_cast<unsigned char>(c)].data(), 2);
    out += 2;
  }
}

std::string encode_hex(std::string_view bytes) {
  std::string out(bytes.size() * 2, '\0');
  write_hex(bytes, out.data());
  return out;
}

Result<std::string> decode_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(codes::kInvalid, "not valid hexadecimal");
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(codes::kInvalid, "not valid hexadecimal");
    out += char(high << 4 | low);
  }
  return out;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  if (!text.contains('%') && !(plus_is_space && text.contains('+'))) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(codes::kInvalid, "broken percent-encoding");
      out += char(high << 4 | low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace tidemill
