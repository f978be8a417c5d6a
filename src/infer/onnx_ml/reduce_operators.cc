// Operators that make one number of many along axes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "infer/onnx_ml/operators.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// Which of the axes are reduced; all when none is named.
Result<std::vector<bool>> reduced_axes(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<bool> out(rank, axes.empty());
  for (std::int64_t axis : axes) out[TRY(axis_of(axis, rank))] = true;
  return out;
}

// Calls function(index of the result, index of the element) for every element, in their order.
template <class Function>
void for_each_reduced(const Shape& shape, const std::vector<bool>& reduced, Function function) {
  std::size_t strides[kRankMax] = {}, at[kRankMax] = {}, stride = 1, count = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    count *= static_cast<std::size_t>(shape[i]);
    if (reduced[i]) continue;
    strides[i] = stride;
    stride *= static_cast<std::size_t>(shape[i]);
  }
  std::size_t to = 0;
  for (std::size_t from = 0; from < count; ++from) {
    function(to, from);
    for (std::size_t i = shape.size(); i-- > 0;) {
      to += strides[i];
      if (++at[i] < static_cast<std::size_t>(shape[i])) break;
      to -= strides[i] * at[i];
      at[i] = 0;
    }
  }
}

enum class Reduction { sum, mean, max, min, prod, sum_square, l1, l2, log_sum_exp };

template <class T>
void reduce(Reduction kind, const std::vector<T>& in, const Shape& shape,
            const std::vector<bool>& reduced, std::vector<T>& out) {
  const std::size_t each = out.empty() ? 0 : in.size() / out.size();
  const bool extreme = kind == Reduction::max || kind == Reduction::min;
  std::vector<T> largest;
  if (kind == Reduction::log_sum_exp) {
    largest.assign(out.size(), std::numeric_limits<T>::lowest());
    for_each_reduced(shape, reduced, [&](std::size_t to, std::size_t from) {
      largest[to] = std::max(largest[to], in[from]);
    });
  }
  if (kind == Reduction::prod) std::fill(out.begin(), out.end(), T(1));
  if (extreme)
    std::fill(
        out.begin(), out.end(),
        kind == Reduction::max ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max());
  for_each_reduced(shape, reduced, [&](std::size_t to, std::size_t from) {
    const T x = in[from];
    switch (kind) {
      case Reduction::sum:
      case Reduction::mean:
        out[to] += x;
        break;
      case Reduction::max:
        out[to] = std::max(out[to], x);
        break;
      case Reduction::min:
        out[to] = std::min(out[to], x);
        break;
      case Reduction::prod:
        out[to] *= x;
        break;
      case Reduction::l1:
        out[to] += x < 0 ? -x : x;
        break;
      case Reduction::sum_square:
      case Reduction::l2:
        out[to] += x * x;
        break;
      case Reduction::log_sum_exp:
        out[to] += std::exp(x - largest[to]);
        break;
    }
  });
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (kind == Reduction::mean && each) out[i] /= static_cast<T>(each);
    if (kind == Reduction::l2) out[i] = std::sqrt(out[i]);
    if (kind == Reduction::log_sum_exp) out[i] = std::log(out[i]) + largest[i];
  }
}

template <Reduction Kind>
Result<Operator> make_reduce(const Node& node, std::int64_t) {
  const bool keep = node.whole("keepdims", 1) != 0;
  const bool none_is_none = node.whole("noop_with_empty_axes", 0) != 0;
  return Operator([keep, none_is_none, old = node.wholes("axes")](Inputs inputs,
                                                                  Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Tensor& in = *inputs[0];
    const auto axes = inputs.size() > 1 && inputs[1] ? inputs[1]->wholes : old;
    if (axes.empty() && none_is_none) {
      *outputs[0] = in;
      return {};
    }
    const std::vector<bool> reduced = TRY(reduced_axes(axes, in.shape.size()));
    Shape shape;
    for (std::size_t i = 0; i < in.shape.size(); ++i)
      if (!reduced[i] || keep) shape.push_back(reduced[i] ? 1 : in.shape[i]);
    TRY(allocate(*outputs[0], in.type, shape));
    if (in.type == Type::real32)
      reduce(Kind, in.floats, in.shape, reduced, outputs[0]->floats);
    else if (in.type == Type::real64)
      reduce(Kind, in.doubles, in.shape, reduced, outputs[0]->doubles);
    else if (Kind == Reduction::sum || Kind == Reduction::max || Kind == Reduction::min)
    // In double: whole numbers of a hostile model cannot overflow.
    {
      std::vector<double> sums(outputs[0]->wholes.size());
      reduce(Kind, numbers_as<double>(in), in.shape, reduced, sums);
      Tensor as_double;
      as_double.type = Type::real64;
      as_double.doubles = std::move(sums);
      outputs[0]->wholes = numbers_as<std::int64_t>(as_double);
    } else
      return wrong("this reduction of whole numbers is not computed");
    return {};
  });
}

template <bool Largest>
Result<Operator> make_arg(const Node& node, std::int64_t) {
  const bool keep = node.whole("keepdims", 1) != 0, last = node.whole("select_last_index", 0) != 0;
  return Operator(
      [keep, last, number = node.whole("axis", 0)](Inputs inputs, Outputs outputs) -> Result<void> {
        TRY(need_inputs(inputs, 1));
        const Tensor& in = *inputs[0];
        const std::size_t axis = TRY(axis_of(number, in.shape.size()));
        const AxisSplit split = split_at(in.shape, axis);
        if (split.size == 0) return wrong("nothing to choose from");
        Shape shape = in.shape;
        shape[axis] = 1;
        if (!keep) shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
        TRY(allocate(*outputs[0], Type::whole, shape));
        visit(in, [&](const auto& data) {
          for (std::size_t outer = 0; outer < split.outer; ++outer)
            for (std::size_t inner = 0; inner < split.inner; ++inner) {
              auto at = [&](std::size_t i) {
                return data[(outer * split.size + i) * split.inner + inner];
              };
              std::size_t best = 0;
              for (std::size_t i = 1; i < split.size; ++i)
                if (Largest ? at(i) > at(best) || (last && at(i) == at(best))
                            : at(i) < at(best) || (last && at(i) == at(best)))
                  best = i;
              outputs[0]->wholes[outer * split.inner + inner] = static_cast<std::int64_t>(best);
            }
        });
        return {};
      });
}

// Before opset 13 the axis and all after it are one.
Result<Operator> make_softmax(const Node& node, std::int64_t opset) {
  const std::int64_t number = node.whole("axis", opset < 13 ? 1 : -1);
  return Operator([number, opset](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Tensor& in = *inputs[0];
    const std::size_t axis = TRY(axis_of(number, in.shape.size()));
    AxisSplit split = split_at(in.shape, axis);
    if (opset < 13) split = {split.outer, split.size * split.inner, 1};
    if (in.type != Type::real32 && in.type != Type::real64) return wrong("no real numbers");
    *outputs[0] = in;
    visit(in, [&](const auto& data) {
      using T = typename std::decay_t<decltype(data)>::value_type;
      if constexpr (std::is_floating_point_v<T>)
        for (std::size_t outer = 0; outer < split.outer; ++outer)
          for (std::size_t inner = 0; inner < split.inner; ++inner) {
            T* first = outputs[0]->data<T>().data() + outer * split.size * split.inner + inner;
            T largest = std::numeric_limits<T>::lowest(), sum = 0;
            for (std::size_t i = 0; i < split.size; ++i)
              largest = std::max(largest, first[i * split.inner]);
            for (std::size_t i = 0; i < split.size; ++i)
              sum += first[i * split.inner] = std::exp(first[i * split.inner] - largest);
            for (std::size_t i = 0; i < split.size; ++i) first[i * split.inner] /= sum;
          }
    });
    return {};
  });
}

}  // namespace

void add_reduce_operators(OperatorTable& table) {
  table.insert({{"ReduceSum", make_reduce<Reduction::sum>},
                {"ReduceMean", make_reduce<Reduction::mean>},
                {"ReduceMax", make_reduce<Reduction::max>},
                {"ReduceMin", make_reduce<Reduction::min>},
                {"ReduceProd", make_reduce<Reduction::prod>},
                {"ReduceSumSquare", make_reduce<Reduction::sum_square>},
                {"ReduceL1", make_reduce<Reduction::l1>},
                {"ReduceL2", make_reduce<Reduction::l2>},
                {"ReduceLogSumExp", make_reduce<Reduction::log_sum_exp>},
                {"ArgMax", make_arg<true>},
                {"ArgMin", make_arg<false>},
                {"Softmax", make_softmax}});
}

}  // namespace tidemill::infer::onnx_ml
