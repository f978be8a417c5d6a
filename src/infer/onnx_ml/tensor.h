// The values passed between the operators of a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::infer::onnx_ml {

inline constexpr std::size_t kRankMax = 8;
// Limit for one value, while a block of rows is predicted.
inline constexpr std::size_t kElementsMax = 1u << 24;

using Shape = std::vector<std::int64_t>;

// Whole numbers of every width are kept in 64 bits, truth values as 0 and 1.
enum class Type : std::uint8_t { real32, real64, whole, truth, text };

struct Tensor {
  Type type = Type::real32;
  Shape shape;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> wholes;  // and truth values

  template <class T>
  std::vector<T>& data();
  template <class T>
  const std::vector<T>& data() const {
    return const_cast<Tensor*>(this)->data<T>();
  }
};
template <>
inline std::vector<float>& Tensor::data<float>() {
  return floats;
}
template <>
inline std::vector<double>& Tensor::data<double>() {
  return doubles;
}
template <>
inline std::vector<std::int64_t>& Tensor::data<std::int64_t>() {
  return wholes;
}

template <class T>
inline constexpr Type kTypeOf = Type::whole;
template <>
inline constexpr Type kTypeOf<float> = Type::real32;
template <>
inline constexpr Type kTypeOf<double> = Type::real64;

// The number of elements; Tidemill.Invalid for negative sizes and past kElementsMax or kRankMax.
Result<std::size_t> element_count(const Shape& shape);
// Elements before, along and after an axis.
struct AxisSplit {
  std::size_t outer = 1, size = 1, inner = 1;
};
AxisSplit split_at(const Shape& shape, std::size_t axis);
// -1 is the last axis.
Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank);
std::string shape_text(const Shape& shape);

// Empty tensor of that type and shape, its elements zero.
Result<void> allocate(Tensor& tensor, Type type, Shape shape);
// Numbers of any type as T; whole numbers become 0 where a real number is out of range.
template <class T>
std::vector<T> numbers_as(const Tensor& tensor);
extern template std::vector<float> numbers_as(const Tensor&);
extern template std::vector<double> numbers_as(const Tensor&);
extern template std::vector<std::int64_t> numbers_as(const Tensor&);

// function(vector<T>&) with the tensor's own vector.
template <class Function>
auto visit(const Tensor& tensor, Function function) {
  switch (tensor.type) {
    case Type::real32:
      return function(tensor.floats);
    case Type::real64:
      return function(tensor.doubles);
    default:
      return function(tensor.wholes);
  }
}

}  // namespace tidemill::infer::onnx_ml
