#include "model_server/tensor/tensor.h"

namespace tidemill::model_server {
namespace {

// One dimension may have an unknown size: the number of elements determines it.
bool matches(const Shape& expected, const Shape& shape) {
  if (expected.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (expected[i] != kDynamic && expected[i] != shape[i]) return false;
  return true;
}

// Folds [rows, columns] to [rows, the input's other dimensions]; unchanged if impossible.
void fold_rows(const TensorSpec& input, Tensor& tensor) {
  if (input.shape.size() == 1 && (tensor.shape[0] == 1 || tensor.shape[1] == 1)) {
    tensor.shape = {static_cast<std::int64_t>(tensor.count())};
    return;
  }
  if (input.shape.size() < 3) return;
  Shape folded = input.shape;
  folded[0] = tensor.shape[0];
  const std::int64_t columns = tensor.shape[1];
  std::int64_t known = 1;
  std::size_t open = 0, dynamic = 0;
  for (std::size_t i = 1; i < folded.size(); ++i) {
    if (folded[i] == kDynamic)
      open = i, ++dynamic;
    else if (folded[i] > columns || known > columns)
      return;  // also keeps a hostile model's product from overflowing
    else
      known *= folded[i];
  }
  if (dynamic > 1 || known == 0 || columns % known != 0) return;
  if (dynamic == 1) folded[open] = columns / known;
  if (dynamic == 0 && columns != known) return;
  tensor.shape = folded;
}

}  // namespace

bool is_served(int onnx_type) {
  return (onnx_type >= 1 && onnx_type <= 7) || onnx_type == 9 ||
         (onnx_type >= 11 && onnx_type <= 13);
}

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return "float32";
    case ElementType::uint8:
      return "uint8";
    case ElementType::int8:
      return "int8";
    case ElementType::uint16:
      return "uint16";
    case ElementType::int16:
      return "int16";
    case ElementType::int32:
      return "int32";
    case ElementType::int64:
      return "int64";
    case ElementType::boolean:
      return "bool";
    case ElementType::float64:
      return "float64";
    case ElementType::uint32:
      return "uint32";
    case ElementType::uint64:
      return "uint64";
  }
  return "?";
}

std::size_t bytes_of(ElementType type) {
  return with_element(type, [](auto element) { return sizeof element; });
}

std::string TensorSpec::text() const {
  std::string out(name_of(type));
  out += " [";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i) out += ", ";
    const bool named = i < symbols.size() && !symbols[i].empty();
    out += shape[i] != kDynamic ? std::to_string(shape[i]) : named ? symbols[i] : "any";
  }
  return out + "]";
}

std::string text_of(const Shape& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

Result<std::size_t> element_count(const Shape& shape, ElementType type) {
  const std::size_t count_max = kTensorBytesMax / bytes_of(type);
  std::size_t count = 1;
  for (std::int64_t dimension : shape) {
    if (dimension < 0) return fail(codes::kInvalid, "the shape " + text_of(shape) + " is negative");
    const auto size = static_cast<std::size_t>(dimension);
    if (size != 0 && count > count_max / size)
      return fail(codes::kInvalid, "the shape " + text_of(shape) + " holds more than " +
                                       std::to_string(count_max) + " elements of " +
                                       std::string(name_of(type)));
    count *= size;
  }
  return count;
}

Result<void> fit(const TensorSpec& input, bool rows_flattened, Tensor& tensor) {
  const Shape came = tensor.shape;
  if (rows_flattened && tensor.shape.size() == 2) fold_rows(input, tensor);
  const bool one_example = tensor.shape.size() + 1 == input.shape.size() &&
                           (input.shape[0] == kDynamic || input.shape[0] == 1);
  if (one_example) tensor.shape.insert(tensor.shape.begin(), 1);
  if (matches(input.shape, tensor.shape)) return {};
  return fail(codes::kInvalid, "input \"" + input.name + "\" expects " + input.text() +
                                   ", but an array of shape " + text_of(came) + " came");
}

}  // namespace tidemill::model_server
