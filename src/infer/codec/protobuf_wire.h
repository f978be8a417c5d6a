// The wire format of protocol buffers, as much as Record messages need.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemill::infer {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct WireField {
  std::uint64_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t scalar = 0;  // of all types but bytes
  std::string_view bytes;
};

// Reads a message's fields. For any bytes: a field, the end, or broken().
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : left_(bytes) {}

  // False at the end and when the message is malformed.
  bool next(WireField& field) {
    if (left_.empty()) return false;
    std::uint64_t tag = 0;
    if (!varint(tag)) return fail();
    field.number = tag >> 3;
    field.type = static_cast<WireType>(tag & 7);
    field.scalar = 0;
    switch (field.type) {
      case WireType::varint:
        return varint(field.scalar) || fail();
      case WireType::fixed64:
        return fixed(8, field.scalar) || fail();
      case WireType::fixed32:
        return fixed(4, field.scalar) || fail();
      case WireType::bytes: {
        std::uint64_t size = 0;
        if (!varint(size) || size > left_.size()) return fail();
        field.bytes = left_.substr(0, size);
        left_.remove_prefix(size);
        return true;
      }
    }
    return fail();  // groups are obsolete
  }
  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool fixed(std::size_t size, std::uint64_t& value) {
    if (left_.size() < size) return false;
    value = 0;
    std::memcpy(&value, left_.data(), size);
    left_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return left_.empty(); }
  bool broken() const { return broken_; }

 private:
  bool fail() {
    broken_ = true;
    return false;
  }

  std::string_view left_;
  bool broken_ = false;
};

}  // namespace tidemill::infer
