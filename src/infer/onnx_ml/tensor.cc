#include "infer/onnx_ml/tensor.h"

#include <type_traits>

namespace tidemill::infer::onnx_ml {

Result<std::size_t> element_count(const Shape& shape) {
  if (shape.size() > kRankMax) return fail(codes::kInvalid, "a value has too many dimensions");
  std::size_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0) return fail(codes::kInvalid, "a value has a negative dimension");
    // Beside a 0, too: products of some of the dimensions must not overflow.
    if (size > static_cast<std::int64_t>(kElementsMax) ||
        (size != 0 && count > kElementsMax / static_cast<std::size_t>(size)))
      return fail(codes::kInvalid, "a value is larger than is computed here");
    count *= static_cast<std::size_t>(size);
  }
  return count;
}

AxisSplit split_at(const Shape& shape, std::size_t axis) {
  AxisSplit out;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto size = static_cast<std::size_t>(shape[i]);
    (i < axis ? out.outer : i == axis ? out.size : out.inner) *= size;
  }
  return out;
}

Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < 0) axis += signed_rank;
  if (axis < 0 || axis >= signed_rank)
    return fail(codes::kInvalid, "axis " + std::to_string(axis) + " of a value with " +
                                     std::to_string(rank) + " dimensions");
  return static_cast<std::size_t>(axis);
}

std::string shape_text(const Shape& shape) {
  std::string out = "[";
  for (std::int64_t size : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
  return out + "]";
}

Result<void> allocate(Tensor& tensor, Type type, Shape shape) {
  const std::size_t count = TRY(element_count(shape));
  tensor.type = type;
  tensor.shape = std::move(shape);
  if (type == Type::real32)
    tensor.floats.assign(count, 0);
  else if (type == Type::real64)
    tensor.doubles.assign(count, 0);
  else
    tensor.wholes.assign(count, 0);
  return {};
}

template <class T>
std::vector<T> numbers_as(const Tensor& tensor) {
  return visit(tensor, [](const auto& from) {
    using From = typename std::decay_t<decltype(from)>::value_type;
    std::vector<T> out;
    out.reserve(from.size());
    for (const From number : from) {
      if constexpr (std::is_integral_v<T> && !std::is_integral_v<From>) {
        constexpr From kLimit = 9.2e18f;
        out.push_back(number > -kLimit && number < kLimit ? static_cast<T>(number) : T(0));
      } else {
        out.push_back(static_cast<T>(number));
      }
    }
    return out;
  });
}
template std::vector<float> numbers_as(const Tensor&);
template std::vector<double> numbers_as(const Tensor&);
template std::vector<std::int64_t> numbers_as(const Tensor&);

}  // namespace tidemill::infer::onnx_ml
