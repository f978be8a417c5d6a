// Operators that move numbers without changing them.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "infer/onnx_ml/operators.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// The same numbers in another shape.
Result<void> reshaped(const Tensor& in, Shape shape, Tensor& out) {
  const std::size_t count = TRY(element_count(shape));
  if (count != TRY(element_count(in.shape)))
    return wrong("a value of shape " + shape_text(in.shape) + " does not fit " + shape_text(shape));
  out = in;
  out.shape = std::move(shape);
  return {};
}

Result<void> reshape(const Tensor& in, const std::vector<std::int64_t>& wanted, Tensor& out) {
  Shape shape = wanted;
  const std::size_t count = TRY(element_count(in.shape));
  std::size_t known = 1, unknown = shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && i < in.shape.size()) shape[i] = in.shape[i];
    if (shape[i] == -1 && unknown == shape.size()) {
      unknown = i;
      continue;
    }
    if (shape[i] < 0 || shape[i] > static_cast<std::int64_t>(kElementsMax))
      return wrong("a shape with " + std::to_string(shape[i]));
    known *= static_cast<std::size_t>(shape[i]);
    if (known > kElementsMax) return wrong("a shape larger than is computed here");
  }
  if (unknown < shape.size()) shape[unknown] = static_cast<std::int64_t>(known ? count / known : 0);
  return reshaped(in, std::move(shape), out);
}

Result<Operator> make_reshape(const Node& node, std::int64_t) {
  return Operator([old = node.wholes("shape")](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const bool given = inputs.size() > 1 && inputs[1];
    return reshape(*inputs[0], given ? inputs[1]->wholes : old, *outputs[0]);
  });
}

Result<Operator> make_flatten(const Node& node, std::int64_t) {
  return Operator([axis = node.whole("axis", 1)](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Shape& shape = inputs[0]->shape;
    const auto rank = static_cast<std::int64_t>(shape.size());
    const std::int64_t at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at > rank) return wrong("no such axis");
    std::int64_t before = 1, after = 1;
    for (std::int64_t i = 0; i < rank; ++i)
      (i < at ? before : after) *= shape[static_cast<std::size_t>(i)];
    return reshaped(*inputs[0], {before, after}, *outputs[0]);
  });
}

// Axes come as an attribute, or since opset 13 as an input.
std::vector<std::int64_t> axes_of(const std::vector<std::int64_t>& attribute, Inputs inputs) {
  return inputs.size() > 1 && inputs[1] ? inputs[1]->wholes : attribute;
}

Result<Operator> make_squeeze(const Node& node, std::int64_t) {
  return Operator([old = node.wholes("axes")](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Shape& shape = inputs[0]->shape;
    std::vector<bool> drop(shape.size());
    const std::vector<std::int64_t> axes = axes_of(old, inputs);
    for (std::int64_t axis : axes) drop[TRY(axis_of(axis, shape.size()))] = true;
    Shape out;
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (!(axes.empty() ? shape[i] == 1 : drop[i])) out.push_back(shape[i]);
    return reshaped(*inputs[0], std::move(out), *outputs[0]);
  });
}

Result<Operator> make_unsqueeze(const Node& node, std::int64_t) {
  return Operator([old = node.wholes("axes")](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const std::vector<std::int64_t> axes = axes_of(old, inputs);
    const std::size_t rank = inputs[0]->shape.size() + axes.size();
    if (rank > kRankMax) return wrong("too many dimensions");
    std::vector<bool> added(rank);
    for (std::int64_t axis : axes) added[TRY(axis_of(axis, rank))] = true;
    if (static_cast<std::size_t>(std::count(added.begin(), added.end(), true)) != axes.size())
      return wrong("an axis is named twice");
    Shape out;
    auto next = inputs[0]->shape.begin();
    for (std::size_t i = 0; i < rank; ++i) out.push_back(added[i] ? 1 : *next++);
    return reshaped(*inputs[0], std::move(out), *outputs[0]);
  });
}

Result<void> concat(Inputs inputs, std::int64_t axis_number, Tensor& out) {
  TRY(need_inputs(inputs, std::max<std::size_t>(inputs.size(), 1)));
  const Tensor& first = *inputs[0];
  const std::size_t axis = TRY(axis_of(axis_number, first.shape.size()));
  Shape shape = first.shape;
  for (const Tensor* input : inputs.subspan(1)) {
    if (input->type != first.type || input->shape.size() != shape.size())
      return wrong("values that do not fit one another");
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (i != axis && input->shape[i] != shape[i])
        return wrong("shapes " + shape_text(shape) + " and " + shape_text(input->shape));
    shape[axis] += input->shape[axis];
    TRY(element_count(shape));
  }
  TRY(allocate(out, first.type, shape));
  const AxisSplit to = split_at(shape, axis);
  std::size_t offset = 0;
  for (const Tensor* input : inputs) {
    const AxisSplit from = split_at(input->shape, axis);
    const std::size_t run = from.size * from.inner;
    visit(*input, [&](const auto& data) {
      using T = typename std::decay_t<decltype(data)>::value_type;
      for (std::size_t i = 0; i < to.outer; ++i)
        std::copy_n(
            data.begin() + static_cast<std::ptrdiff_t>(i * run), run,
            out.data<T>().begin() + static_cast<std::ptrdiff_t>(i * to.size * to.inner + offset));
    });
    offset += run;
  }
  return {};
}

Result<Operator> make_concat(const Node& node, std::int64_t) {
  return Operator([axis = node.whole("axis", 1)](Inputs inputs, Outputs outputs) {
    return concat(inputs, axis, *outputs[0]);
  });
}

// The parts of `in` along an axis, in the order of `at`.
Result<void> take(const Tensor& in, std::size_t axis, std::vector<std::int64_t> at, Shape shape,
                  Tensor& out) {
  const AxisSplit from = split_at(in.shape, axis);
  TRY(allocate(out, in.type, std::move(shape)));
  for (std::int64_t& index : at) {
    if (index < 0) index += static_cast<std::int64_t>(from.size);
    if (index < 0 || index >= static_cast<std::int64_t>(from.size))
      return wrong("an index is out of range");
  }
  visit(in, [&](const auto& data) {
    using T = typename std::decay_t<decltype(data)>::value_type;
    T* to = out.data<T>().data();
    for (std::size_t outer = 0; outer < from.outer; ++outer)
      for (std::int64_t index : at) {
        const T* part =
            data.data() + (outer * from.size + static_cast<std::size_t>(index)) * from.inner;
        to = std::copy_n(part, from.inner, to);
      }
  });
  return {};
}

Result<Operator> make_gather(const Node& node, std::int64_t) {
  return Operator([number = node.whole("axis", 0)](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 2));
    const Tensor& in = *inputs[0];
    const std::size_t axis = TRY(axis_of(number, in.shape.size()));
    Shape shape(in.shape.begin(), in.shape.begin() + static_cast<std::ptrdiff_t>(axis));
    shape.insert(shape.end(), inputs[1]->shape.begin(), inputs[1]->shape.end());
    shape.insert(shape.end(), in.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1,
                 in.shape.end());
    std::vector<std::int64_t> at = numbers_as<std::int64_t>(*inputs[1]);
    return take(in, axis, at, std::move(shape), *outputs[0]);
  });
}

// ONNX-ML: columns of the last axis.
Result<Operator> make_array_feature_extractor(const Node&, std::int64_t) {
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 2));
    const Tensor& in = *inputs[0];
    if (in.shape.empty()) return wrong("a single number has no columns");
    std::vector<std::int64_t> at = numbers_as<std::int64_t>(*inputs[1]);
    Shape shape = in.shape.size() == 1 ? Shape{1, 1} : in.shape;
    shape.back() = static_cast<std::int64_t>(at.size());
    return take(in, in.shape.size() - 1, at, std::move(shape), *outputs[0]);
  });
}

Result<void> slice(const Tensor& in, const std::vector<std::int64_t>& starts,
                   const std::vector<std::int64_t>& ends, std::vector<std::int64_t> axes,
                   std::vector<std::int64_t> steps, Tensor& out) {
  if (axes.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    return wrong("starts, ends, axes and steps differ in number");
  out = in;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = TRY(axis_of(axes[i], in.shape.size()));
    const std::int64_t size = out.shape[axis], step = steps[i];
    if (step <= 0) return wrong("slices with such steps are not computed");
    auto place = [size](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? std::max(at, -size) + size : at, 0, size);
    };
    std::vector<std::int64_t> at;
    for (std::int64_t j = place(starts[i]); j < place(ends[i]); j += std::min(step, size))
      at.push_back(j);
    Shape shape = out.shape;
    shape[axis] = static_cast<std::int64_t>(at.size());
    Tensor next;
    TRY(take(out, axis, at, std::move(shape), next));
    out = std::move(next);
  }
  return {};
}

Result<Operator> make_slice(const Node& node, std::int64_t opset) {
  if (opset < 10)
    return Operator([starts = node.wholes("starts"), ends = node.wholes("ends"),
                     axes = node.wholes("axes")](Inputs inputs, Outputs outputs) -> Result<void> {
      TRY(need_inputs(inputs, 1));
      return slice(*inputs[0], starts, ends, axes, {}, *outputs[0]);
    });
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 3));
    auto list = [&](std::size_t index) {
      return index < inputs.size() && inputs[index] ? inputs[index]->wholes
                                                    : std::vector<std::int64_t>();
    };
    return slice(*inputs[0], list(1), list(2), list(3), list(4), *outputs[0]);
  });
}

Result<void> transpose(const Tensor& in, std::vector<std::int64_t> order, Tensor& out) {
  const std::size_t rank = in.shape.size();
  if (order.empty())
    for (std::size_t i = rank; i-- > 0;) order.push_back(static_cast<std::int64_t>(i));
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  bool sound = sorted.size() == rank;
  for (std::size_t i = 0; sound && i < rank; ++i) sound = sorted[i] == static_cast<std::int64_t>(i);
  if (!sound) return wrong("perm is not an order of the axes");
  std::size_t strides[kRankMax] = {}, at[kRankMax] = {}, stride = 1;
  for (std::size_t i = rank; i-- > 0;) {
    strides[i] = stride;
    stride *= static_cast<std::size_t>(in.shape[i]);
  }
  Shape shape;
  for (std::int64_t axis : order) shape.push_back(in.shape[static_cast<std::size_t>(axis)]);
  TRY(allocate(out, in.type, shape));
  visit(in, [&](const auto& data) {
    using T = typename std::decay_t<decltype(data)>::value_type;
    for (std::size_t to = 0; to < data.size(); ++to) {
      std::size_t from = 0;
      for (std::size_t i = 0; i < rank; ++i) from += at[i] * strides[order[i]];
      out.data<T>()[to] = data[from];
      for (std::size_t i = rank; i-- > 0;) {
        if (++at[i] < static_cast<std::size_t>(shape[i])) break;
        at[i] = 0;
      }
    }
  });
  return {};
}

Result<Operator> make_transpose(const Node& node, std::int64_t) {
  return Operator([order = node.wholes("perm")](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    return transpose(*inputs[0], order, *outputs[0]);
  });
}

Result<Operator> make_shape(const Node& node, std::int64_t) {
  if (node.find("start") || node.find("end")) return wrong("parts of a shape are not computed");
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Shape shape = inputs[0]->shape;
    TRY(allocate(*outputs[0], Type::whole, {static_cast<std::int64_t>(shape.size())}));
    outputs[0]->wholes = shape;
    return {};
  });
}

Result<Operator> make_constant_of_shape(const Node& node, std::int64_t) {
  Tensor value;
  if (const Attribute* given = node.find("value"); given && given->tensor)
    value = *given->tensor;
  else
    TRY(allocate(value, Type::real32, {1}));
  if (value.type == Type::text || TRY(element_count(value.shape)) != 1)
    return wrong("value is not a single number");
  return Operator([value](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    TRY(allocate(*outputs[0], value.type, numbers_as<std::int64_t>(*inputs[0])));
    visit(value, [&](const auto& data) {
      using T = typename std::decay_t<decltype(data)>::value_type;
      std::vector<T>& out = outputs[0]->data<T>();
      std::fill(out.begin(), out.end(), data[0]);
    });
    return {};
  });
}

Result<Operator> make_constant(const Node& node, std::int64_t) {
  Tensor value;
  if (const Attribute* given = node.find("value"); given && given->tensor) {
    value = *given->tensor;
  } else if (const Attribute* real = node.find("value_float"); real && real->real) {
    value.floats = {*real->real};
  } else if (const Attribute* whole = node.find("value_int"); whole && whole->whole) {
    value.type = Type::whole;
    value.wholes = {*whole->whole};
  } else if (const Attribute* reals = node.find("value_floats")) {
    value.floats = reals->reals;
    value.shape = {static_cast<std::int64_t>(value.floats.size())};
  } else if (const Attribute* wholes = node.find("value_ints")) {
    value.type = Type::whole;
    value.wholes = wholes->wholes;
    value.shape = {static_cast<std::int64_t>(value.wholes.size())};
  } else {
    return wrong("a constant of a kind that is not read");
  }
  if (value.type == Type::text) return wrong("texts are not computed");
  return Operator([value](Inputs, Outputs outputs) -> Result<void> {
    *outputs[0] = value;
    return {};
  });
}

}  // namespace

void add_shape_operators(OperatorTable& table) {
  table.insert({{"Reshape", make_reshape},
                {"Flatten", make_flatten},
                {"Squeeze", make_squeeze},
                {"Unsqueeze", make_unsqueeze},
                {"Concat", make_concat},
                {"Gather", make_gather},
                {"ArrayFeatureExtractor", make_array_feature_extractor},
                {"Slice", make_slice},
                {"Transpose", make_transpose},
                {"Shape", make_shape},
                {"ConstantOfShape", make_constant_of_shape},
                {"Constant", make_constant}});
}

}  // namespace tidemill::infer::onnx_ml
