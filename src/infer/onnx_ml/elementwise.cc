// Operators that treat each number by itself, with NumPy's broadcasting.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "infer/onnx_ml/operators.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

Result<Shape> broadcast_shape(const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape out(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i + a.size() >= rank ? a[i + a.size() - rank] : 1;
    const std::int64_t y = i + b.size() >= rank ? b[i + b.size() - rank] : 1;
    if (x != y && x != 1 && y != 1)
      return wrong("shapes " + shape_text(a) + " and " + shape_text(b) + " do not fit");
    out[i] = x == 1 ? y : x;
  }
  return out;
}

// Calls function(index in the result, index in a value of that shape) for every element.
template <class Function>
void for_each_broadcast(const Shape& out, const Shape& shape, Function function) {
  const std::size_t rank = out.size(), missing = rank - shape.size();
  std::size_t strides[kRankMax] = {}, at[kRankMax] = {}, stride = 1;
  for (std::size_t i = rank; i-- > missing;) {
    const std::int64_t size = shape[i - missing];
    strides[i] = size == 1 ? 0 : stride;
    stride *= static_cast<std::size_t>(size);
  }
  std::size_t count = 1, from = 0;
  for (std::int64_t size : out) count *= static_cast<std::size_t>(size);
  for (std::size_t to = 0; to < count; ++to) {
    function(to, from);
    for (std::size_t axis = rank; axis-- > 0;) {
      from += strides[axis];
      if (++at[axis] < static_cast<std::size_t>(out[axis])) break;
      from -= strides[axis] * at[axis];
      at[axis] = 0;
    }
  }
}

template <class T>
std::vector<T> spread(const std::vector<T>& data, const Shape& shape, const Shape& out,
                      std::size_t count) {
  if (shape == out) return data;
  std::vector<T> result(count);
  for_each_broadcast(out, shape,
                     [&](std::size_t to, std::size_t from) { result[to] = data[from]; });
  return result;
}

// Numbers to truth values of comparisons stay apart from numbers to numbers.
template <bool to_truth, class Function>
Result<void> binary(const Tensor& a, const Tensor& b, Tensor& out, Function function) {
  if (a.type != b.type) return wrong("two types of numbers in one operation");
  const Shape shape = TRY(broadcast_shape(a.shape, b.shape));
  const std::size_t count = TRY(element_count(shape));
  TRY(allocate(out, to_truth ? Type::truth : a.type, shape));
  visit(a, [&](const auto& a_data) {
    using T = typename std::decay_t<decltype(a_data)>::value_type;
    const std::vector<T> x = spread(a_data, a.shape, shape, count);
    const std::vector<T> y = spread(b.data<T>(), b.shape, shape, count);
    if constexpr (to_truth)
      for (std::size_t i = 0; i < count; ++i)
        out.wholes[i] = static_cast<std::int64_t>(function(x[i], y[i]) != T(0));
    else
      for (std::size_t i = 0; i < count; ++i)
        out.data<T>()[i] = static_cast<T>(function(x[i], y[i]));
  });
  return {};
}

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)  // whole numbers wrap
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    else
      return a + b;
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    else
      return a - b;
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    else
      return a * b;
  }
};
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return b == 0 ? 0 : b == -1 ? Sub()(T(0), a) : a / b;
    else
      return a / b;
  }
};
struct Pow {
  template <class T>
  T operator()(T a, T b) const {
    const auto power = std::pow(a, b);
    if constexpr (std::is_integral_v<T>)
      return power > -9e18 && power < 9e18 ? static_cast<T>(power) : 0;
    else
      return power;
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return a != a ? a : b < a || b != b ? b : a;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return a != a ? a : b > a || b != b ? b : a;
  }
};

template <class Function>
Result<Operator> numbers_of_two(const Node&, std::int64_t) {
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 2));
    return binary<false>(*inputs[0], *inputs[1], *outputs[0], Function());
  });
}

template <class Function>
Result<Operator> truth_of_two(const Node&, std::int64_t) {
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 2));
    return binary<true>(*inputs[0], *inputs[1], *outputs[0], Function());
  });
}

// Sum, Mean, Min and Max take any number of inputs.
template <class Function, bool Average>
Result<Operator> numbers_of_many(const Node&, std::int64_t) {
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, inputs.size()));
    TRY(need_inputs(inputs, 1));
    Tensor sum = *inputs[0];
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      Tensor next;
      TRY(binary<false>(sum, *inputs[i], next, Function()));
      sum = std::move(next);
    }
    if (Average) {
      const auto count = static_cast<float>(inputs.size());
      for (float& number : sum.floats) number /= count;
      for (double& number : sum.doubles) number /= count;
    }
    *outputs[0] = std::move(sum);
    return {};
  });
}

template <bool to_truth = false, class Function>
Operator each(Function function) {
  return [function](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Tensor& in = *inputs[0];
    Tensor& out = *outputs[0];
    TRY(allocate(out, to_truth ? Type::truth : in.type, in.shape));
    return visit(in, [&](const auto& data) -> Result<void> {
      using T = typename std::decay_t<decltype(data)>::value_type;
      // A logarithm of whole numbers, say, which ONNX does not allow either.
      if constexpr (std::is_integral_v<T> && std::is_floating_point_v<decltype(function(T()))>) {
        return wrong("it takes real numbers only");
      } else {
        for (std::size_t i = 0; i < data.size(); ++i) {
          if constexpr (to_truth)
            out.wholes[i] = static_cast<std::int64_t>(function(data[i]));
          else
            out.data<T>()[i] = static_cast<T>(function(data[i]));
        }
        return {};
      }
    });
  };
}

Result<void> cast(const Tensor& in, Type to, Tensor& out) {
  out.shape = in.shape;
  out.type = to;
  if (to == Type::real32) out.floats = numbers_as<float>(in);
  if (to == Type::real64) out.doubles = numbers_as<double>(in);
  if (to == Type::whole) out.wholes = numbers_as<std::int64_t>(in);
  if (to == Type::truth)
    visit(in, [&](const auto& data) {
      out.wholes.clear();
      for (const auto number : data) out.wholes.push_back(number != 0);
    });
  return {};
}

// TensorProto.DataType's numbers.
Result<Operator> make_cast(const Node& node, std::int64_t) {
  Type to;
  switch (node.whole("to", 0)) {
    case 1:
      to = Type::real32;
      break;
    case 11:
      to = Type::real64;
      break;
    case 9:
      to = Type::truth;
      break;
    case 6:
    case 7:
    case 12:
    case 13:
      to = Type::whole;
      break;
    default:
      return wrong("casts to type " + std::to_string(node.whole("to", 0)) + " are not computed");
  }
  return Operator([to](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    return cast(*inputs[0], to, *outputs[0]);
  });
}

Result<void> where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& out) {
  if (a.type != b.type || condition.type != Type::truth) return wrong("types that do not fit");
  const Shape ab = TRY(broadcast_shape(a.shape, b.shape));
  const Shape shape = TRY(broadcast_shape(condition.shape, ab));
  const std::size_t count = TRY(element_count(shape));
  TRY(allocate(out, a.type, shape));
  const std::vector<std::int64_t> choose = spread(condition.wholes, condition.shape, shape, count);
  visit(a, [&](const auto& a_data) {
    using T = typename std::decay_t<decltype(a_data)>::value_type;
    const std::vector<T> x = spread(a_data, a.shape, shape, count);
    const std::vector<T> y = spread(b.data<T>(), b.shape, shape, count);
    for (std::size_t i = 0; i < count; ++i) out.data<T>()[i] = choose[i] ? x[i] : y[i];
  });
  return {};
}

Result<Operator> make_where(const Node&, std::int64_t) {
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 3));
    return where(*inputs[0], *inputs[1], *inputs[2], *outputs[0]);
  });
}

// Bounds are attributes before opset 11, inputs since.
Result<Operator> make_clip(const Node& node, std::int64_t) {
  const double low = node.real("min", -std::numeric_limits<float>::infinity());
  const double high = node.real("max", std::numeric_limits<float>::infinity());
  return Operator([low, high](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    auto bound = [&](std::size_t index, double otherwise) {
      if (index >= inputs.size() || !inputs[index]) return otherwise;
      const std::vector<double> numbers = numbers_as<double>(*inputs[index]);
      return numbers.size() == 1 ? numbers[0] : otherwise;
    };
    const double from = bound(1, low), to = bound(2, high);
    return each([from, to](auto x) {
      const auto number = static_cast<double>(x);
      return number < from ? from : number > to ? to : number;
    })(inputs.first(1), outputs);
  });
}

template <class Function>
Result<Operator> each_number(const Node&, std::int64_t) {
  return each(Function());
}
template <class Function>
Result<Operator> each_truth(const Node&, std::int64_t) {
  return each<true>(Function());
}

#define TIDEMILL_EACH(name, expression) \
  struct name {                         \
    template <class T>                  \
    auto operator()(T x) const {        \
      return expression;                \
    }                                   \
  }
TIDEMILL_EACH(Same, x);
TIDEMILL_EACH(Neg, Sub()(T(0), x));
TIDEMILL_EACH(Abs, x < 0 ? Sub()(T(0), x) : x);
TIDEMILL_EACH(Exp, std::exp(x));
TIDEMILL_EACH(Log, std::log(x));
TIDEMILL_EACH(Sqrt, std::sqrt(x));
TIDEMILL_EACH(Tanh, std::tanh(x));
TIDEMILL_EACH(Erf, std::erf(x));
TIDEMILL_EACH(Floor, std::floor(x));
TIDEMILL_EACH(Ceil, std::ceil(x));
TIDEMILL_EACH(Round, std::nearbyint(x));
TIDEMILL_EACH(Sign, x > 0 ? T(1) : x < 0 ? T(-1) : T(0));
TIDEMILL_EACH(Reciprocal, Div()(T(1), x));
TIDEMILL_EACH(Relu, x > 0 || x != x ? x : T(0));
TIDEMILL_EACH(Sigmoid, 1 / (1 + std::exp(-x)));
TIDEMILL_EACH(Not, x == 0);
TIDEMILL_EACH(IsNan, x != x);
#undef TIDEMILL_EACH

#define TIDEMILL_TRUTH(name, expression) \
  struct name {                          \
    template <class T>                   \
    T operator()(T a, T b) const {       \
      return T(expression);              \
    }                                    \
  }
TIDEMILL_TRUTH(Equal, a == b);
TIDEMILL_TRUTH(Less, a < b);
TIDEMILL_TRUTH(LessOrEqual, a <= b);
TIDEMILL_TRUTH(Greater, a > b);
TIDEMILL_TRUTH(GreaterOrEqual, a >= b);
TIDEMILL_TRUTH(And, a != 0 && b != 0);
TIDEMILL_TRUTH(Or, a != 0 || b != 0);
TIDEMILL_TRUTH(Xor, (a != 0) != (b != 0));
#undef TIDEMILL_TRUTH

}  // namespace

void add_elementwise_operators(OperatorTable& table) {
  table.insert({{"Add", numbers_of_two<Add>},
                {"Sub", numbers_of_two<Sub>},
                {"Mul", numbers_of_two<Mul>},
                {"Div", numbers_of_two<Div>},
                {"Pow", numbers_of_two<Pow>},
                {"Sum", numbers_of_many<Add, false>},
                {"Mean", numbers_of_many<Add, true>},
                {"Min", numbers_of_many<Min, false>},
                {"Max", numbers_of_many<Max, false>},
                {"Equal", truth_of_two<Equal>},
                {"Less", truth_of_two<Less>},
                {"LessOrEqual", truth_of_two<LessOrEqual>},
                {"Greater", truth_of_two<Greater>},
                {"GreaterOrEqual", truth_of_two<GreaterOrEqual>},
                {"And", truth_of_two<And>},
                {"Or", truth_of_two<Or>},
                {"Xor", truth_of_two<Xor>},
                {"Identity", each_number<Same>},
                {"ZipMap", each_number<Same>},  // names for classes, which answers do not have
                {"Neg", each_number<Neg>},
                {"Abs", each_number<Abs>},
                {"Exp", each_number<Exp>},
                {"Log", each_number<Log>},
                {"Sqrt", each_number<Sqrt>},
                {"Tanh", each_number<Tanh>},
                {"Erf", each_number<Erf>},
                {"Floor", each_number<Floor>},
                {"Ceil", each_number<Ceil>},
                {"Round", each_number<Round>},
                {"Sign", each_number<Sign>},
                {"Reciprocal", each_number<Reciprocal>},
                {"Relu", each_number<Relu>},
                {"Sigmoid", each_number<Sigmoid>},
                {"Not", each_truth<Not>},
                {"IsNaN", each_truth<IsNan>},
                {"Cast", make_cast},
                {"Where", make_where},
                {"Clip", make_clip}});
}

}  // namespace tidemill::infer::onnx_ml
