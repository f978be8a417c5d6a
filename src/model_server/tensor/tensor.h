// Arrays of numbers of any rank, and a model's description of its inputs and outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::model_server {

// ONNX's numbers of the element types that are served (ONNXTensorElementDataType).
enum class ElementType : int {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
};
bool is_served(int onnx_type);
std::string_view name_of(ElementType type);  // "float32", as numpy has it
std::size_t bytes_of(ElementType type);

// Limit for the tensors of a request, and of an answer.
inline constexpr std::size_t kTensorBytesMax = 256u << 20;
inline constexpr std::size_t kRankMax = 16;
inline constexpr std::int64_t kDynamic = -1;

using Shape = std::vector<std::int64_t>;

struct TensorSpec {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;                       // kDynamic where any size is allowed
  std::vector<std::string> symbols;  // names of the dynamic dimensions, "" for none

  // "float32 [batch, 4]".
  std::string text() const;
};

struct Tensor {
  ElementType type = ElementType::float32;
  Shape shape;
  std::string data;  // row-major, in the machine's byte order

  std::size_t count() const { return data.size() / bytes_of(type); }
};
using Tensors = std::vector<Tensor>;

std::string text_of(const Shape& shape);  // "[2, 4]"
// Product of the dimensions; Tidemill.Invalid when the elements pass kTensorBytesMax.
Result<std::size_t> element_count(const Shape& shape, ElementType type);

// Gives the tensor the input's shape. One example without the batch dimension gets it when the
// first dimension can be 1; `rows_flattened`: each row is flat (CSV) and is folded to the
// dimensions after the first. The error names the input, the expected and the actual shape.
Result<void> fit(const TensorSpec& input, bool rows_flattened, Tensor& tensor);

// Calls visit(T{}) with the C++ type of the elements.
template <class Visit>
decltype(auto) with_element(ElementType type, Visit&& visit) {
  switch (type) {
    case ElementType::float32:
      return visit(float{});
    case ElementType::float64:
      return visit(double{});
    case ElementType::int8:
      return visit(std::int8_t{});
    case ElementType::int16:
      return visit(std::int16_t{});
    case ElementType::int32:
      return visit(std::int32_t{});
    case ElementType::int64:
      return visit(std::int64_t{});
    case ElementType::uint16:
      return visit(std::uint16_t{});
    case ElementType::uint32:
      return visit(std::uint32_t{});
    case ElementType::uint64:
      return visit(std::uint64_t{});
    case ElementType::boolean:
      return visit(bool{});
    case ElementType::uint8:
      break;
  }
  return visit(std::uint8_t{});
}

}  // namespace tidemill::model_server
