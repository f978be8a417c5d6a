#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "infer/codec/codec.h"
#include "infer/codec/npy.h"
#include "infer/codec/text_rows.h"

namespace tidemill::infer {
namespace {

static_assert(std::endian::native == std::endian::little);

std::string_view after_key(std::string_view text, std::string_view key) {
  std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  at = text.find(':', at);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + 1);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

// The header is a Python dictionary: {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }
Result<NpyArray> parse_header(std::string_view text) {
  NpyArray header;
  std::string_view descr = after_key(text, "'descr'");
  std::string_view order = after_key(text, "'fortran_order'");
  std::string_view shape = after_key(text, "'shape'");
  if (!descr.starts_with('\'') || order.empty() || !shape.starts_with('('))
    return fail(codes::kInvalid, "the .npy header is malformed");
  descr.remove_prefix(1);
  header.descr = descr.substr(0, descr.find('\''));
  header.fortran_order = order.starts_with("True");
  shape = shape.substr(1, shape.find(')') - 1);
  while (!shape.empty()) {
    std::size_t number = 0;
    auto [end, error] = std::from_chars(shape.data(), shape.data() + shape.size(), number);
    if (error != std::errc()) break;
    header.shape.push_back(number);
    shape.remove_prefix(static_cast<std::size_t>(end - shape.data()));
    shape.remove_prefix(std::min(shape.find_first_of("0123456789"), shape.size()));
  }
  return header;
}

template <class T>
void convert(const char* bytes, std::size_t count, bool swap, std::vector<float>& out) {
  if (std::is_same_v<T, float> && !swap) {
    if (count != 0) std::memcpy(out.data(), bytes, count * sizeof(T));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    char raw[sizeof(T)];
    std::memcpy(raw, bytes + i * sizeof(T), sizeof(T));
    if (swap) std::reverse(raw, raw + sizeof(T));
    T value;
    std::memcpy(&value, raw, sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

// Bytes per element; 0 when the type is not supported.
std::size_t element_bytes(std::string_view type) {
  for (std::string_view known : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
    if (type == known) return static_cast<std::size_t>(known[1] - '0');
  return 0;
}

void convert_any(std::string_view type, const char* bytes, bool swap, std::vector<float>& out) {
  const std::size_t count = out.size();
  if (type == "f4")
    convert<float>(bytes, count, swap, out);
  else if (type == "f8")
    convert<double>(bytes, count, swap, out);
  else if (type == "i1")
    convert<std::int8_t>(bytes, count, swap, out);
  else if (type == "i2")
    convert<std::int16_t>(bytes, count, swap, out);
  else if (type == "i4")
    convert<std::int32_t>(bytes, count, swap, out);
  else if (type == "i8")
    convert<std::int64_t>(bytes, count, swap, out);
  else if (type == "u2")
    convert<std::uint16_t>(bytes, count, swap, out);
  else if (type == "u4")
    convert<std::uint32_t>(bytes, count, swap, out);
  else if (type == "u8")
    convert<std::uint64_t>(bytes, count, swap, out);
  else
    convert<std::uint8_t>(bytes, count, swap, out);
}

}  // namespace

Result<NpyArray> read_npy(std::string_view bytes) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (!bytes.starts_with(kMagic) || bytes.size() < 12)
    return fail(codes::kInvalid, "the body is no .npy file: its first bytes are not \\x93NUMPY");
  const bool wide = bytes[6] >= 2;  // version 1 has a two-byte length, later ones four
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
  const std::size_t start = (wide ? 12 : 10) + std::size_t{length};
  if (start > bytes.size()) return fail(codes::kInvalid, "the .npy header is cut off");
  NpyArray array = TRY(parse_header(bytes.substr(wide ? 12 : 10, length)));
  array.data = bytes.substr(start);
  return array;
}

Result<Matrix> parse_npy(std::string_view bytes, std::size_t feature_count) {
  const NpyArray header = TRY(read_npy(bytes));
  const std::string_view data = header.data;
  const std::string_view type =
      header.descr.size() > 1 ? std::string_view(header.descr).substr(1) : std::string_view();
  const std::size_t width = element_bytes(type);
  if (width == 0)
    return fail(codes::kInvalid, "arrays of type '" + header.descr +
                                     "' are not supported; send float32, float64 or integers");
  if (header.shape.empty() || header.shape.size() > 2)
    return fail(codes::kInvalid, "the array has " + std::to_string(header.shape.size()) +
                                     " dimensions; send one row or a matrix of rows");
  Matrix matrix;
  const bool flat = header.shape.size() == 1;
  // One dimension is one row, except for models of a single feature.
  const bool column = flat && feature_count == 1;
  matrix.rows = flat ? (column ? header.shape[0] : 1) : header.shape[0];
  matrix.columns = flat ? (column ? 1 : header.shape[0]) : header.shape[1];
  if (matrix.rows == 0 || matrix.columns == 0) return fail(codes::kInvalid, "the array is empty");
  const std::size_t available = data.size() / width;
  if (matrix.columns != 0 && matrix.rows > available / matrix.columns)
    return fail(codes::kInvalid,
                "the array is cut off: its shape asks for more values than follow");
  if (matrix.rows * matrix.columns > kMatrixBytesMax / sizeof(float))
    return fail(codes::kInvalid, "the array has more than " +
                                     std::to_string(kMatrixBytesMax / sizeof(float)) + " values");
  matrix.values.resize(matrix.rows * matrix.columns);
  convert_any(type, data.data(), header.descr[0] == '>', matrix.values);
  if (header.fortran_order && !flat) {
    std::vector<float> rows(matrix.values.size());
    for (std::size_t row = 0; row < matrix.rows; ++row)
      for (std::size_t at = 0; at < matrix.columns; ++at)
        rows[row * matrix.columns + at] = matrix.values[at * matrix.rows + row];
    matrix.values = std::move(rows);
  }
  return matrix;
}

}  // namespace tidemill::infer
