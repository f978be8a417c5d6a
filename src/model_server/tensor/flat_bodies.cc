// CSV and npy bodies: arrays of the only input.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "infer/codec/npy.h"
#include "model_server/tensor/body.h"
#include "model_server/tensor/element_text.h"

namespace tidemill::model_server {
namespace {

std::string_view trim(std::string_view field) {
  while (!field.empty() && (field.front() == ' ' || field.front() == '\t')) field.remove_prefix(1);
  while (!field.empty() && (field.back() == ' ' || field.back() == '\t' || field.back() == '\r'))
    field.remove_suffix(1);
  return field;
}

template <class T>
bool parse_field(std::string_view field, T& value) {
  field = trim(field);
  if (field.empty()) return missing(value);
  const char* end = field.data() + field.size();
  return parse_element(field.data(), end, false, value) == end;
}

// Reads a field and appends its bytes; false when it is none of that type.
using ReadField = bool (*)(std::string_view field, std::string& data);
template <class T>
bool read_field(std::string_view field, std::string& data) {
  T value{};
  if (!parse_field(field, value)) return false;
  data.append(reinterpret_cast<const char*>(&value), sizeof value);
  return true;
}

// Appends a line's fields; how many there were.
Result<std::int64_t> read_line(std::string_view line, const TensorSpec& input, ReadField read,
                               std::size_t row, std::string& data) {
  for (std::int64_t column = 1;; ++column) {
    const std::size_t comma = line.find(',');
    if (data.size() + bytes_of(input.type) > kTensorBytesMax)
      return fail(codes::kInvalid, "row " + std::to_string(row) + ": the rows are too many");
    if (!read(line.substr(0, comma), data))
      return fail(codes::kInvalid, "row " + std::to_string(row) + ", column " +
                                       std::to_string(column) + ": no " +
                                       std::string(name_of(input.type)) + ", which input \"" +
                                       input.name + "\" expects");
    if (comma == std::string_view::npos) return column;
    line.remove_prefix(comma + 1);
  }
}

struct NpyType {
  std::string_view name;
  ElementType type;
};
constexpr NpyType kNpyTypes[] = {
    {"f4", ElementType::float32}, {"f8", ElementType::float64}, {"i1", ElementType::int8},
    {"i2", ElementType::int16},   {"i4", ElementType::int32},   {"i8", ElementType::int64},
    {"u1", ElementType::uint8},   {"u2", ElementType::uint16},  {"u4", ElementType::uint32},
    {"u8", ElementType::uint64},  {"b1", ElementType::boolean},
};

// Every type of an array widens to one of three without loss, so that not every pair of types needs
// code of its own.
template <class T>
using Wide = std::conditional_t<
    std::is_floating_point_v<T>, double,
    std::conditional_t<std::is_same_v<T, std::uint64_t>, std::uint64_t, std::int64_t>>;

template <class T>
T read_value(const char* from, bool swap) {
  char raw[sizeof(T)];
  std::memcpy(raw, from, sizeof(T));
  if (swap) std::reverse(raw, raw + sizeof(T));
  if constexpr (std::is_same_v<T, bool>) {
    return raw[0] != 0;
  } else {
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }
}

// False when the value does not fit.
template <class From, class To>
bool narrow(From given, To& value) {
  if constexpr (std::is_same_v<To, bool>) {
    if (given != From{0} && given != From{1}) return false;
    value = given != From{0};
  } else if constexpr (std::is_floating_point_v<To>) {
    value = static_cast<To>(given);
  } else if constexpr (std::is_floating_point_v<From>) {
    return false;
  } else {
    if (!std::in_range<To>(given)) return false;
    value = static_cast<To>(given);
  }
  return true;
}

// Elements of the tensor's type, at `to`; false when one does not fit.
template <class From>
[[gnu::noinline]] bool write_values(std::span<const From> values, ElementType type, char* to) {
  return with_element(type, [&](auto element) {
    for (From given : values) {
      decltype(element) value{};
      if (!narrow(given, value)) return false;
      std::memcpy(to, &value, sizeof value);
      to += sizeof value;
    }
    return true;
  });
}

// Element order[i] of the array (element i without an order) to element i of the tensor; false when
// one does not fit.
template <class T>
bool convert(const char* from, bool swap, const std::vector<std::size_t>& order, Tensor& tensor) {
  constexpr std::size_t kBlockElements = 512;
  std::array<Wide<T>, kBlockElements> block;
  const std::size_t count = tensor.count();
  char* to = tensor.data.data();
  for (std::size_t start = 0; start < count; start += kBlockElements) {
    const std::size_t size = std::min(kBlockElements, count - start);
    for (std::size_t i = 0; i < size; ++i)
      block[i] =
          read_value<T>(from + (order.empty() ? start + i : order[start + i]) * sizeof(T), swap);
    if (!write_values(std::span<const Wide<T>>(block.data(), size), tensor.type, to)) return false;
    to += size * bytes_of(tensor.type);
  }
  return true;
}

// For each element in row-major order its place in column-major order.
std::vector<std::size_t> fortran_places(const Shape& shape, std::size_t count) {
  std::vector<std::size_t> places(count);
  Shape index(shape.size());
  for (std::size_t& place : places) {
    place = 0;
    for (std::size_t i = shape.size(); i-- > 0;)
      place = place * static_cast<std::size_t>(shape[i]) + static_cast<std::size_t>(index[i]);
    for (std::size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < shape[i]) break;
      index[i] = 0;
    }
  }
  return places;
}

}  // namespace

Result<Tensor> parse_csv_body(std::string_view text, const TensorSpec& input) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Tensor tensor{input.type, {0, 0}, {}};
  const ReadField read = with_element(
      input.type, [](auto element) -> ReadField { return &read_field<decltype(element)>; });
  for (std::size_t row = 1; !text.empty(); ++row) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (trim(line).empty()) continue;
    const std::int64_t columns = TRY(read_line(line, input, read, row, tensor.data));
    if (tensor.shape[0] == 0) tensor.shape[1] = columns;
    if (tensor.shape[1] != columns)
      return fail(codes::kInvalid,
                  "row " + std::to_string(row) + " has " + std::to_string(columns) +
                      " columns, but the rows before have " + std::to_string(tensor.shape[1]));
    ++tensor.shape[0];
  }
  TRY(fit(input, true, tensor));
  return tensor;
}

Result<Tensor> parse_npy_body(std::string_view bytes, const TensorSpec& input) {
  const infer::NpyArray array = TRY(infer::read_npy(bytes));
  const auto* known =
      std::find_if(std::begin(kNpyTypes), std::end(kNpyTypes), [&](const NpyType& t) {
        return array.descr.size() == 3 && std::string_view(array.descr).substr(1) == t.name;
      });
  if (known == std::end(kNpyTypes))
    return fail(codes::kInvalid, "arrays of type '" + array.descr.substr(0, 20) +
                                     "' are not read; input \"" + input.name + "\" expects " +
                                     input.text());
  if (array.shape.size() > kRankMax)
    return fail(codes::kInvalid,
                "the array has more than " + std::to_string(kRankMax) + " dimensions");
  Tensor tensor{input.type, {}, {}};
  for (std::size_t dimension : array.shape) {
    if (dimension > kTensorBytesMax) return fail(codes::kInvalid, "the array is too large");
    tensor.shape.push_back(static_cast<std::int64_t>(dimension));
  }
  const std::size_t count = TRY(element_count(tensor.shape, input.type));
  if (count > array.data.size() / bytes_of(known->type))
    return fail(codes::kInvalid,
                "the array is cut off: its shape asks for more values than follow");
  tensor.data.resize(count * bytes_of(input.type));
  const std::vector<std::size_t> order =
      array.fortran_order ? fortran_places(tensor.shape, count) : std::vector<std::size_t>();
  const bool converted = with_element(known->type, [&](auto from) {
    return convert<decltype(from)>(array.data.data(), array.descr[0] == '>', order, tensor);
  });
  if (!converted)
    return fail(codes::kInvalid, "input \"" + input.name + "\" expects " + input.text() +
                                     ", and the array's " + std::string(name_of(known->type)) +
                                     " values do not convert to that");
  TRY(fit(input, false, tensor));
  return tensor;
}

}  // namespace tidemill::model_server
