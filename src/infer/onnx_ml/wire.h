// Messages of Protocol Buffers as ONNX's have them, over the codecs' reader of the wire format.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "infer/codec/protobuf_wire.h"

namespace tidemill::infer::onnx_ml {

// One field of a message. A view into the message's bytes.
struct Field : WireField {
  std::int64_t whole() const { return static_cast<std::int64_t>(scalar); }
  float real() const { return std::bit_cast<float>(static_cast<std::uint32_t>(scalar)); }
};

// Reads a message's fields one after the other.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : reader_(bytes) {}
  bool at_end() const { return reader_.at_end(); }
  // Tidemill.Invalid when the message is cut off or has groups, which nobody writes.
  Result<Field> next();

 private:
  WireReader reader_;
};

// A repeated field of numbers comes packed (one field of bytes) or as a field a number.
Result<void> append_wholes(const Field& field, std::vector<std::int64_t>& out);
Result<void> append_floats(const Field& field, std::vector<float>& out);
Result<void> append_doubles(const Field& field, std::vector<double>& out);

}  // namespace tidemill::infer::onnx_ml
