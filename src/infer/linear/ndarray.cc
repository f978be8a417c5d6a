#include "infer/linear/ndarray.h"

#include <cstring>

namespace tidemill::infer::linear {
namespace {

constexpr std::uint64_t kListMagic = 0x112;
// An array's first word: which version of the layout follows.
constexpr std::uint32_t kVersion1 = 0xf993fac8, kVersion2 = 0xf993fac9, kVersion3 = 0xf993faca;
constexpr std::uint32_t kDimensionsMax = 8;
constexpr std::size_t kArraysMax = 1024;
constexpr std::size_t kNameBytesMax = 1024;

std::unexpected<Error> damaged(const std::string& what) {
  return fail(codes::kInvalid, "the file of MXNet arrays is damaged: " + what);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  Result<T> number() {
    if (rest_.size() < sizeof(T)) return damaged("it is cut off");
    T value;
    std::memcpy(&value, rest_.data(), sizeof value);  // little-endian, as this program is
    rest_.remove_prefix(sizeof value);
    return value;
  }

  Result<std::string_view> bytes(std::uint64_t count) {
    if (count > rest_.size()) return damaged("it is cut off");
    const std::string_view out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }

  // How many elements can still follow, whatever the file claims.
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

template <class T>
std::vector<float> convert(std::string_view bytes) {
  std::vector<float> out(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) {
    T number;
    std::memcpy(&number, bytes.data() + i * sizeof(T), sizeof number);
    out[i] = static_cast<float>(number);
  }
  return out;
}

// mshadow's type flags; half floats (2) are not used by the built-in algorithms.
struct ElementType {
  std::size_t bytes = 0;
  std::vector<float> (*convert)(std::string_view) = nullptr;
};
Result<ElementType> element_type(std::int32_t flag) {
  switch (flag) {
    case 0:
      return ElementType{4, convert<float>};
    case 1:
      return ElementType{8, convert<double>};
    case 3:
      return ElementType{1, convert<std::uint8_t>};
    case 4:
      return ElementType{4, convert<std::int32_t>};
    case 5:
      return ElementType{1, convert<std::int8_t>};
    case 6:
      return ElementType{8, convert<std::int64_t>};
    default:
      return damaged("numbers of type " + std::to_string(flag) + " are not read");
  }
}

Result<std::vector<std::size_t>> read_shape(Reader& reader, std::uint32_t dimensions, bool wide) {
  if (dimensions > kDimensionsMax) return damaged("an array has too many dimensions");
  std::vector<std::size_t> shape;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const std::int64_t size = wide ? TRY(reader.number<std::int64_t>())
                                   : static_cast<std::int64_t>(TRY(reader.number<std::uint32_t>()));
    if (size < 0) return damaged("an array has a negative size");
    shape.push_back(static_cast<std::size_t>(size));
  }
  return shape;
}

Result<NamedArray> read_array(Reader& reader) {
  NamedArray array;
  const auto first = TRY(reader.number<std::uint32_t>());
  const bool versioned = first == kVersion1 || first == kVersion2 || first == kVersion3;
  if (first == kVersion2 || first == kVersion3)
    if (TRY(reader.number<std::int32_t>()) != 0) return damaged("sparse arrays are not read");
  // Files without a version begin with the number of dimensions, and sizes have 32 bits.
  const std::uint32_t dimensions = versioned ? TRY(reader.number<std::uint32_t>()) : first;
  array.shape = TRY(read_shape(reader, dimensions, versioned));
  if (dimensions == 0) return array;
  TRY(reader.bytes(2 * sizeof(std::int32_t)));  // the device that held it
  const auto flag = TRY(reader.number<std::int32_t>());
  const ElementType type = TRY(element_type(flag));
  std::size_t count = 1;
  for (std::size_t size : array.shape) {
    if (size != 0 && count > reader.left() / size) return damaged("it is cut off");
    count *= size;
  }
  if (count > reader.left() / type.bytes) return damaged("it is cut off");
  array.values = type.convert(TRY(reader.bytes(count * type.bytes)));
  return array;
}

}  // namespace

bool looks_like_arrays(std::string_view head) {
  std::uint64_t magic = 0;
  if (head.size() < sizeof magic) return false;
  std::memcpy(&magic, head.data(), sizeof magic);
  return magic == kListMagic;
}

Result<std::vector<NamedArray>> read_arrays(std::string_view bytes) {
  Reader reader(bytes);
  if (TRY(reader.number<std::uint64_t>()) != kListMagic) return damaged("it begins otherwise");
  TRY(reader.number<std::uint64_t>());  // reserved
  const auto count = TRY(reader.number<std::uint64_t>());
  if (count > kArraysMax) return damaged("it has more arrays than are read");
  std::vector<NamedArray> arrays;
  for (std::uint64_t i = 0; i < count; ++i) arrays.push_back(TRY(read_array(reader)));
  const auto names = TRY(reader.number<std::uint64_t>());
  if (names != 0 && names != count) return damaged("arrays and names differ in number");
  for (std::uint64_t i = 0; i < names; ++i) {
    const auto length = TRY(reader.number<std::uint64_t>());
    if (length > kNameBytesMax) return damaged("a name is too long");
    arrays[i].name = TRY(reader.bytes(length));
  }
  return arrays;
}

}  // namespace tidemill::infer::linear
