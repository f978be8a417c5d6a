#include "infer/onnx_ml/wire.h"

#include <cstring>

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> cut_off() {
  return fail(codes::kInvalid, "the ONNX model is damaged or cut off");
}

template <class T>
Result<void> append_fixed(const Field& field, WireType single, std::vector<T>& out) {
  if (field.type == single) {
    T number;
    std::memcpy(&number, &field.scalar, sizeof number);  // little-endian, as this program is
    out.push_back(number);
    return {};
  }
  if (field.type != WireType::bytes || field.bytes.size() % sizeof(T) != 0) return cut_off();
  const std::size_t count = field.bytes.size() / sizeof(T), before = out.size();
  if (count == 0) return {};
  out.resize(before + count);
  std::memcpy(out.data() + before, field.bytes.data(), field.bytes.size());
  return {};
}

}  // namespace

Result<Field> MessageReader::next() {
  Field field;
  if (!reader_.next(field)) return cut_off();
  return field;
}

Result<void> append_wholes(const Field& field, std::vector<std::int64_t>& out) {
  if (field.type == WireType::varint) {
    out.push_back(field.whole());
    return {};
  }
  if (field.type != WireType::bytes) return cut_off();
  for (WireReader packed(field.bytes); !packed.at_end();) {
    std::uint64_t value = 0;
    if (!packed.varint(value)) return cut_off();
    out.push_back(static_cast<std::int64_t>(value));
  }
  return {};
}

Result<void> append_floats(const Field& field, std::vector<float>& out) {
  return append_fixed(field, WireType::fixed32, out);
}

Result<void> append_doubles(const Field& field, std::vector<double>& out) {
  return append_fixed(field, WireType::fixed64, out);
}

}  // namespace tidemill::infer::onnx_ml
