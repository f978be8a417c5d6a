// The wire format of Protocol Buffers (protobuf.dev, "Encoding"), as much of it as ONNX needs.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::infer::onnx_ml {

// One field of a message. A view into the message's bytes.
struct Field {
  enum class Type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  std::uint32_t number = 0;
  Type type = Type::varint;
  std::uint64_t value = 0;  // varint, fixed64, fixed32
  std::string_view bytes;

  std::int64_t whole() const { return static_cast<std::int64_t>(value); }
  float real() const {
    const auto bits = static_cast<std::uint32_t>(value);
    float number_out;
    std::memcpy(&number_out, &bits, sizeof number_out);
    return number_out;
  }
};

// Reads a message's fields one after the other.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  // Tidemill.Invalid when the message is cut off or has groups, which nobody writes.
  Result<Field> next();

 private:
  Result<std::uint64_t> varint();

  std::string_view rest_;
};

// A repeated field of numbers comes packed (one field of bytes) or as a field a number.
Result<void> append_wholes(const Field& field, std::vector<std::int64_t>& out);
Result<void> append_floats(const Field& field, std::vector<float>& out);
Result<void> append_doubles(const Field& field, std::vector<double>& out);

}  // namespace tidemill::infer::onnx_ml
