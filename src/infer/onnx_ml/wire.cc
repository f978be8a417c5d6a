#include "infer/onnx_ml/wire.h"

namespace tidemill::infer::onnx_ml {
namespace {

constexpr int kVarintBytesMax = 10;

std::unexpected<Error> cut_off() {
  return fail(codes::kInvalid, "the ONNX model is damaged or cut off");
}

template <class T>
Result<void> append_fixed(const Field& field, Field::Type single, std::vector<T>& out) {
  if (field.type == single) {
    T number;
    std::memcpy(&number, &field.value, sizeof number);  // little-endian, as this program is
    out.push_back(number);
    return {};
  }
  if (field.type != Field::Type::bytes || field.bytes.size() % sizeof(T) != 0) return cut_off();
  const std::size_t count = field.bytes.size() / sizeof(T), before = out.size();
  if (count == 0) return {};
  out.resize(before + count);
  std::memcpy(out.data() + before, field.bytes.data(), field.bytes.size());
  return {};
}

}  // namespace

Result<std::uint64_t> MessageReader::varint() {
  std::uint64_t value = 0;
  for (int i = 0; i < kVarintBytesMax && !rest_.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << 7 * i;
    if (byte < 0x80) return value;
  }
  return cut_off();
}

Result<Field> MessageReader::next() {
  const std::uint64_t tag = TRY(varint());
  Field field;
  field.number = static_cast<std::uint32_t>(tag >> 3);
  field.type = static_cast<Field::Type>(tag & 7);
  std::size_t size = 0;
  switch (field.type) {
    case Field::Type::varint:
      field.value = TRY(varint());
      return field;
    case Field::Type::fixed64:
      size = 8;
      break;
    case Field::Type::fixed32:
      size = 4;
      break;
    case Field::Type::bytes: {
      const std::uint64_t length = TRY(varint());
      if (length > rest_.size()) return cut_off();
      field.bytes = rest_.substr(0, length);
      rest_.remove_prefix(length);
      return field;
    }
    default:
      return cut_off();
  }
  if (rest_.size() < size) return cut_off();
  std::memcpy(&field.value, rest_.data(), size);
  rest_.remove_prefix(size);
  return field;
}

Result<void> append_wholes(const Field& field, std::vector<std::int64_t>& out) {
  if (field.type == Field::Type::varint) {
    out.push_back(field.whole());
    return {};
  }
  if (field.type != Field::Type::bytes) return cut_off();
  // A packed list is a row of varints: read as the values of fields without tags.
  std::string_view rest = field.bytes;
  while (!rest.empty()) {
    std::uint64_t value = 0;
    bool ended = false;
    for (int i = 0; i < kVarintBytesMax && !rest.empty() && !ended; ++i) {
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << 7 * i;
      ended = byte < 0x80;
    }
    if (!ended) return cut_off();
    out.push_back(static_cast<std::int64_t>(value));
  }
  return {};
}

Result<void> append_floats(const Field& field, std::vector<float>& out) {
  return append_fixed(field, Field::Type::fixed32, out);
}

Result<void> append_doubles(const Field& field, std::vector<double>& out) {
  return append_fixed(field, Field::Type::fixed64, out);
}

}  // namespace tidemill::infer::onnx_ml
