#include "infer/codec/recordio.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "infer/codec/codec.h"
#include "infer/codec/protobuf_wire.h"

namespace tidemill::infer {
namespace {

constexpr std::uint32_t kMagic = 0xCED7230A;
constexpr unsigned kLengthBits = 29;  // the three bits above mark parts of a split record
constexpr std::size_t kValuesMax = kMatrixBytesMax / sizeof(float);
// Field numbers of record.proto.
enum Number : std::uint64_t {
  record_features = 1,
  record_label = 2,
  entry_key = 1,
  entry_value = 2,
  value_float32 = 2,
  value_float64 = 3,
  value_int32 = 7,
  tensor_values = 1,
  tensor_keys = 2,
  tensor_shape = 3,
};

// Takes records from the front of a body.
class Frames {
 public:
  explicit Frames(std::string_view bytes) : left_(bytes) {}

  // nullopt at the end. The view lives until the next call.
  Result<std::optional<std::string_view>> next() {
    if (left_.empty()) return std::optional<std::string_view>();
    std::string_view part;
    std::uint32_t flag = TRY(take(part));
    if (flag == 0) return std::optional(part);
    // Writers split a record at each magic number inside it, which the split replaces.
    if (flag != 1) return fail(codes::kInvalid, "a record begins with a later part of another");
    whole_.assign(part);
    while (flag != 3) {
      if (left_.empty()) return fail(codes::kInvalid, "a record is cut off");
      flag = TRY(take(part));
      if (flag != 2 && flag != 3) return fail(codes::kInvalid, "a part of a record is missing");
      whole_.append(reinterpret_cast<const char*>(&kMagic), sizeof kMagic);
      whole_.append(part);
    }
    return std::optional<std::string_view>(whole_);
  }

 private:
  Result<std::uint32_t> take(std::string_view& part) {
    std::uint32_t head[2];
    if (left_.size() < sizeof head) return fail(codes::kInvalid, "the record's frame is cut off");
    std::memcpy(head, left_.data(), sizeof head);
    if (head[0] != kMagic)
      return fail(codes::kInvalid, "no RecordIO frame begins here (0xCED7230A)");
    const std::size_t length = head[1] & ((1u << kLengthBits) - 1);
    left_.remove_prefix(sizeof head);
    if (length > left_.size()) return fail(codes::kInvalid, "the record is cut off");
    part = left_.substr(0, length);
    left_.remove_prefix(std::min(left_.size(), (length + 3) / 4 * 4));
    return head[1] >> kLengthBits;
  }

  std::string_view left_;
  std::string whole_;
};

enum class Kind { float32, float64, int32 };

// Reused for all records, so that its vectors are allocated once.
struct Tensor {
  std::vector<float> values;
  std::vector<std::uint64_t> keys, shape;
};

bool append_varints(const WireField& field, std::vector<std::uint64_t>& out) {
  if (field.type == WireType::varint) {
    out.push_back(field.scalar);
    return true;
  }
  WireReader packed(field.bytes);
  for (std::uint64_t value; !packed.at_end(); out.push_back(value))
    if (!packed.varint(value)) return false;
  return field.type == WireType::bytes;
}

float from_bits(Kind kind, std::uint64_t bits) {
  switch (kind) {
    case Kind::float32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    case Kind::float64:
      return static_cast<float>(std::bit_cast<double>(bits));
    default:
      return static_cast<float>(static_cast<std::int32_t>(bits));
  }
}

bool append_values(const WireField& field, Kind kind, std::vector<float>& out) {
  const WireType type = kind == Kind::float32   ? WireType::fixed32
                        : kind == Kind::float64 ? WireType::fixed64
                                                : WireType::varint;
  if (field.type == type) {
    out.push_back(from_bits(kind, field.scalar));
    return true;
  }
  if (field.type != WireType::bytes) return false;
  if (kind == Kind::float32) {
    const std::size_t count = field.bytes.size() / sizeof(float), before = out.size();
    out.resize(before + count);
    if (count != 0) std::memcpy(out.data() + before, field.bytes.data(), count * sizeof(float));
    return field.bytes.size() % sizeof(float) == 0;
  }
  WireReader packed(field.bytes);
  for (std::uint64_t bits; !packed.at_end(); out.push_back(from_bits(kind, bits)))
    if (!(kind == Kind::int32 ? packed.varint(bits) : packed.fixed(8, bits))) return false;
  return true;
}

Result<void> read_tensor(std::string_view bytes, Kind kind, Tensor& out) {
  WireReader reader(bytes);
  bool good = true;
  for (WireField field; good && reader.next(field);) {
    if (field.number == tensor_values) good = append_values(field, kind, out.values);
    if (field.number == tensor_keys) good = append_varints(field, out.keys);
    if (field.number == tensor_shape) good = append_varints(field, out.shape);
  }
  if (!good || reader.broken()) return fail(codes::kInvalid, "its tensor is malformed");
  return {};
}

// The feature's Value message.
Result<std::string_view> find_feature(std::string_view record) {
  std::string_view found;
  std::size_t features = 0;
  WireReader reader(record);
  for (WireField field; reader.next(field);) {
    if (field.number != record_features || field.type != WireType::bytes) continue;
    std::string_view key, value;
    WireReader entry(field.bytes);
    for (WireField part; entry.next(part);) {
      if (part.type != WireType::bytes) continue;
      if (part.number == entry_key) key = part.bytes;
      if (part.number == entry_value) value = part.bytes;
    }
    if (entry.broken()) return fail(codes::kInvalid, "its features are malformed");
    ++features;
    found = value;
    if (key == "values") return value;
  }
  if (reader.broken()) return fail(codes::kInvalid, "the record is malformed");
  if (features != 1)
    return fail(codes::kInvalid, "it has " + std::to_string(features) +
                                     " features, and none of them is called 'values'");
  return found;
}

Result<void> read_record(std::string_view record, Tensor& out) {
  out.values.clear();
  out.keys.clear();
  out.shape.clear();
  WireReader reader(TRY(find_feature(record)));
  bool found = false;
  for (WireField field; reader.next(field);) {
    const bool tensor = field.number == value_float32 || field.number == value_float64 ||
                        field.number == value_int32;
    if (!tensor || field.type != WireType::bytes || found)
      return fail(codes::kInvalid, "its feature is not one float32, float64 or int32 tensor");
    found = true;
    TRY(read_tensor(field.bytes,
                    field.number == value_float32   ? Kind::float32
                    : field.number == value_float64 ? Kind::float64
                                                    : Kind::int32,
                    out));
  }
  if (reader.broken()) return fail(codes::kInvalid, "its feature is malformed");
  return {};
}

// Columns of a sparse row.
Result<std::size_t> sparse_width(const Tensor& tensor, std::size_t columns_min) {
  if (tensor.keys.size() != tensor.values.size())
    return fail(codes::kInvalid, "it has " + std::to_string(tensor.keys.size()) + " keys for " +
                                     std::to_string(tensor.values.size()) + " values");
  std::uint64_t width = tensor.shape.empty() ? 0 : 1;
  for (std::uint64_t dimension : tensor.shape) {
    if (dimension != 0 && width > kValuesMax / dimension)
      return fail(codes::kInvalid, "its shape is too wide");
    width *= dimension;
  }
  if (columns_min != 0 && width > columns_min)
    return fail(codes::kInvalid, "its shape has " + std::to_string(width) +
                                     " columns, but the model has " + std::to_string(columns_min));
  width = std::max<std::uint64_t>(width, columns_min);
  const std::uint64_t key_max = *std::max_element(tensor.keys.begin(), tensor.keys.end());
  if (width == 0 && key_max < kValuesMax) width = key_max + 1;
  if (key_max >= width)
    return fail(codes::kInvalid, "its key " + std::to_string(key_max) + " is beyond its " +
                                     std::to_string(width) + " columns");
  return width;
}

Result<void> append_row(const Tensor& tensor, std::size_t columns_min, Matrix& out) {
  // Sparse if it has keys, or only a shape: a row whose values are all missing.
  const bool sparse = !tensor.keys.empty();
  const bool nothing = tensor.values.empty() && !sparse;
  const std::size_t width = sparse    ? TRY(sparse_width(tensor, columns_min))
                            : nothing ? (out.rows ? out.columns : columns_min)
                                      : tensor.values.size();
  if (out.rows == 0) out.columns = width;
  if (width != out.columns)
    return fail(codes::kInvalid, "it has " + std::to_string(width) +
                                     " columns, but the rows before have " +
                                     std::to_string(out.columns));
  const std::size_t before = out.values.size();
  if (width > kValuesMax - std::min(before, kValuesMax))
    return fail(codes::kInvalid, "the rows are too many and too wide: over " +
                                     std::to_string(kValuesMax) + " values");
  if (sparse || nothing) {
    out.values.resize(before + width, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < tensor.keys.size(); ++i)
      out.values[before + tensor.keys[i]] = tensor.values[i];
  } else {
    out.values.insert(out.values.end(), tensor.values.begin(), tensor.values.end());
  }
  ++out.rows;
  return {};
}

void append_varint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::string message(std::uint64_t number, std::string_view content) {
  std::string out;
  append_varint(number << 3 | static_cast<std::uint64_t>(WireType::bytes), out);
  append_varint(content.size(), out);
  return out.append(content);
}

}  // namespace

Result<Matrix> parse_recordio(std::string_view bytes, std::size_t columns_min) {
  Matrix matrix;
  Frames frames(bytes);
  Tensor tensor;
  for (;;) {
    auto located = [&](const Error& error) {
      return fail(codes::kInvalid, "row " + std::to_string(matrix.rows + 1) + ": " + error.message);
    };
    Result<std::optional<std::string_view>> record = frames.next();
    if (!record) return located(record.error());
    if (!*record) return matrix;
    if (auto read = read_record(**record, tensor); !read) return located(read.error());
    if (auto appended = append_row(tensor, columns_min, matrix); !appended)
      return located(appended.error());
  }
}

void append_record(std::span<const NamedNumbers> labels, std::string& out) {
  std::string record;
  for (const NamedNumbers& label : labels) {
    const std::string_view floats(reinterpret_cast<const char*>(label.values.data()),
                                  label.values.size_bytes());
    const std::string tensor = message(value_float32, message(tensor_values, floats));
    record += message(record_label, message(entry_key, label.name) + message(entry_value, tensor));
  }
  const std::uint32_t head[] = {kMagic, static_cast<std::uint32_t>(record.size())};
  out.append(reinterpret_cast<const char*>(head), sizeof head);
  out += record;
  out.append((4 - record.size() % 4) % 4, '\0');
}

}  // namespace tidemill::infer
