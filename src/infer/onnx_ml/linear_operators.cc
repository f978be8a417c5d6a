// Products of matrices, and ONNX-ML's linear models.
#include <algorithm>
#include <type_traits>

#include "infer/onnx_ml/operators.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// rows x inner times inner x columns, each read through its strides. Sums in double: BLAS libraries
// sum in different orders, and this is closest to all of them.
struct Strided {
  std::size_t row, column;
};
template <class T>
void multiply(const T* a, Strided a_step, const T* b, Strided b_step, std::size_t rows,
              std::size_t inner, std::size_t columns, T* out) {
  multiplications_done() += rows * inner * columns;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column) {
      double sum = 0;
      for (std::size_t i = 0; i < inner; ++i)
        sum += static_cast<double>(a[row * a_step.row + i * a_step.column]) *
               static_cast<double>(b[i * b_step.row + column * b_step.column]);
      out[row * columns + column] = static_cast<T>(sum);
    }
}

// The limit of multiplications for a block of rows; graphs of trees and linear models need far
// fewer.
constexpr std::size_t kMultiplicationsMax = 1u << 28;

Result<void> check_cost(std::size_t rows, std::size_t inner, std::size_t columns) {
  if (inner != 0 && columns != 0 &&
      (rows > kMultiplicationsMax / inner / columns ||
       multiplications_done() + rows * inner * columns > kMultiplicationsMax))
    return wrong("a product of matrices larger than is computed here");
  return {};
}

// [.., rows, inner] times [inner, columns], with vectors as NumPy has them.
Result<void> matmul(const Tensor& a, const Tensor& b, Tensor& out) {
  if (a.type != b.type || (a.type != Type::real32 && a.type != Type::real64))
    return wrong("no two matrices of real numbers");
  if (a.shape.empty() || b.shape.empty() || b.shape.size() > 2)
    return wrong("products of " + shape_text(a.shape) + " and " + shape_text(b.shape) +
                 " are not computed");
  const auto inner = static_cast<std::size_t>(a.shape.back());
  const auto columns = static_cast<std::size_t>(b.shape.size() == 2 ? b.shape[1] : 1);
  if (b.shape[0] != a.shape.back())
    return wrong("shapes " + shape_text(a.shape) + " and " + shape_text(b.shape) + " do not fit");
  Shape shape(a.shape.begin(), a.shape.end() - 1);
  const std::size_t rows = TRY(element_count(shape));
  if (b.shape.size() == 2) shape.push_back(b.shape[1]);
  TRY(check_cost(rows, inner, columns));
  TRY(allocate(out, a.type, shape));
  if (a.type == Type::real32)
    multiply(a.floats.data(), {inner, 1}, b.floats.data(), {columns, 1}, rows, inner, columns,
             out.floats.data());
  else
    multiply(a.doubles.data(), {inner, 1}, b.doubles.data(), {columns, 1}, rows, inner, columns,
             out.doubles.data());
  return {};
}

Result<Operator> make_matmul(const Node&, std::int64_t) {
  return Operator([](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 2));
    return matmul(*inputs[0], *inputs[1], *outputs[0]);
  });
}

struct GemmSettings {
  bool transpose_a = false, transpose_b = false;
  float alpha = 1, beta = 1;
};

template <class T>
Result<void> gemm(const GemmSettings& settings, const Tensor& a, const Tensor& b, const Tensor* c,
                  Tensor& out) {
  auto side = [](const Tensor& tensor, bool transpose, std::size_t axis) {
    return static_cast<std::size_t>(tensor.shape[transpose ? 1 - axis : axis]);
  };
  const std::size_t rows = side(a, settings.transpose_a, 0),
                    inner = side(a, settings.transpose_a, 1);
  const std::size_t columns = side(b, settings.transpose_b, 1);
  if (side(b, settings.transpose_b, 0) != inner) return wrong("two matrices that do not fit");
  TRY(check_cost(rows, inner, columns));
  TRY(allocate(out, a.type, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}));
  const Strided a_step = settings.transpose_a ? Strided{1, rows} : Strided{inner, 1};
  const Strided b_step = settings.transpose_b ? Strided{1, inner} : Strided{columns, 1};
  std::vector<T>& to = out.data<T>();
  multiply(a.data<T>().data(), a_step, b.data<T>().data(), b_step, rows, inner, columns, to.data());
  for (T& number : to) number *= static_cast<T>(settings.alpha);
  if (!c) return {};
  // c is one number, a row, a column, or all.
  const Shape& shape = c->shape;
  const std::size_t c_rows = shape.size() == 2 ? static_cast<std::size_t>(shape[0]) : 1;
  const std::size_t c_columns = shape.empty() ? 1 : static_cast<std::size_t>(shape.back());
  if (c->type != a.type || shape.size() > 2 || (c_rows != 1 && c_rows != rows) ||
      (c_columns != 1 && c_columns != columns))
    return wrong("what is added does not fit");
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      to[row * columns + column] +=
          static_cast<T>(settings.beta) *
          c->data<T>()[(c_rows == 1 ? 0 : row) * c_columns + (c_columns == 1 ? 0 : column)];
  return {};
}

Result<Operator> make_gemm(const Node& node, std::int64_t) {
  const GemmSettings settings{node.whole("transA", 0) != 0, node.whole("transB", 0) != 0,
                              node.real("alpha", 1), node.real("beta", 1)};
  return Operator([settings](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 2));
    const Tensor &a = *inputs[0], &b = *inputs[1];
    if (a.shape.size() != 2 || b.shape.size() != 2 || a.type != b.type)
      return wrong("no two matrices of one type");
    const Tensor* c = inputs.size() > 2 ? inputs[2] : nullptr;
    if (a.type == Type::real32) return gemm<float>(settings, a, b, c, *outputs[0]);
    if (a.type == Type::real64) return gemm<double>(settings, a, b, c, *outputs[0]);
    return wrong("products of whole numbers are not computed");
  });
}

struct LinearModel {
  std::vector<float> coefficients, intercepts;
  std::size_t targets = 1;
  PostTransform transform = PostTransform::none;
};

// rows x features of any numbers; out: rows x targets.
Result<void> linear_scores(const LinearModel& model, const Tensor& in, Tensor& out) {
  if (in.shape.empty() || in.shape.size() > 2) return wrong("the input is not a matrix");
  const auto features = static_cast<std::size_t>(in.shape.back());
  if (model.coefficients.size() != features * model.targets)
    return wrong("a row has " + std::to_string(features) + " features, the model " +
                 std::to_string(model.coefficients.size() / model.targets));
  const std::size_t rows = in.shape.size() == 2 ? static_cast<std::size_t>(in.shape[0]) : 1;
  TRY(check_cost(rows, features, model.targets));
  const std::vector<float> converted =
      in.type == Type::real32 ? std::vector<float>() : numbers_as<float>(in);
  const float* data = in.type == Type::real32 ? in.floats.data() : converted.data();
  TRY(allocate(out, Type::real32,
               {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(model.targets)}));
  multiply(data, {features, 1}, model.coefficients.data(), {1, features}, rows, features,
           model.targets, out.floats.data());
  if (!model.intercepts.empty())
    for (std::size_t i = 0; i < out.floats.size(); ++i)
      out.floats[i] += model.intercepts[i % model.targets];
  return {};
}

Result<Operator> make_linear_regressor(const Node& node, std::int64_t) {
  LinearModel model{node.reals("coefficients"), node.reals("intercepts"),
                    static_cast<std::size_t>(node.whole("targets", 1)),
                    TRY(post_transform_of(node.text("post_transform", "NONE")))};
  if (model.targets == 0 || model.targets > model.coefficients.size() ||
      (!model.intercepts.empty() && model.intercepts.size() != model.targets))
    return wrong("coefficients, intercepts and targets do not fit");
  return Operator([model](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    TRY(linear_scores(model, *inputs[0], *outputs[0]));
    std::vector<float>& scores = outputs[0]->floats;
    for (std::size_t at = 0; at < scores.size(); at += model.targets)
      apply_post_transform(model.transform, scores.data() + at, model.targets);
    return {};
  });
}

// One score of two classes becomes two, as ONNX Runtime writes them.
void add_second_class(PostTransform transform, float score, float* out) {
  if (transform == PostTransform::logistic) {
    out[0] = logistic(-score);
    out[1] = logistic(score);
  } else {
    out[0] = 1 - score;
    out[1] = score;
  }
}

Result<Operator> make_linear_classifier(const Node& node, std::int64_t) {
  LinearModel model{node.reals("coefficients"), node.reals("intercepts"),
                    std::max<std::size_t>(node.reals("intercepts").size(), 1),
                    TRY(post_transform_of(node.text("post_transform", "NONE")))};
  const std::vector<std::int64_t> labels = node.wholes("classlabels_ints");
  const std::size_t classes = std::max(labels.size(), node.texts("classlabels_strings").size());
  if (model.intercepts.empty() || model.coefficients.empty())
    return wrong("coefficients or intercepts are missing");
  const bool second = model.targets == 1 && classes == 2;
  return Operator([model, labels, second](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    Tensor raw;
    TRY(linear_scores(model, *inputs[0], raw));
    const std::int64_t rows = raw.shape[0];
    if (outputs[0]) {
      if (labels.empty()) return wrong("labels that are texts are not computed");
      TRY(allocate(*outputs[0], Type::whole, {rows}));
      for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
        const float* scores = raw.floats.data() + row * model.targets;
        const std::size_t best =
            model.targets == 1 ? scores[0] > 0
                               : static_cast<std::size_t>(
                                     std::max_element(scores, scores + model.targets) - scores);
        if (best >= labels.size()) return wrong("fewer labels than classes");
        outputs[0]->wholes[row] = labels[best];
      }
    }
    if (outputs.size() < 2 || !outputs[1]) return {};
    Tensor& out = *outputs[1];
    const std::size_t columns = second ? 2 : model.targets;
    TRY(allocate(out, Type::real32, {rows, static_cast<std::int64_t>(columns)}));
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
      float* to = out.floats.data() + row * columns;
      if (second) {
        add_second_class(model.transform, raw.floats[row], to);
      } else {
        std::copy_n(raw.floats.data() + row * columns, columns, to);
        apply_post_transform(model.transform, to, columns);
      }
    }
    return {};
  });
}

}  // namespace

void add_linear_operators(OperatorTable& table) {
  table.insert({{"MatMul", make_matmul},
                {"Gemm", make_gemm},
                {"LinearRegressor", make_linear_regressor},
                {"LinearClassifier", make_linear_classifier}});
}

}  // namespace tidemill::infer::onnx_ml
