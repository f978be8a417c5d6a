#include "infer/onnx_ml/operators.h"

#include <cmath>

#include "infer/trees/transform.h"

namespace tidemill::infer::onnx_ml {

const OperatorTable& operator_table() {
  static const OperatorTable kTable = [] {
    OperatorTable table;
    add_elementwise_operators(table);
    add_shape_operators(table);
    add_reduce_operators(table);
    add_linear_operators(table);
    add_encoder_operators(table);
    add_tree_operators(table);
    return table;
  }();
  return kTable;
}

std::size_t& multiplications_done() {
  thread_local std::size_t count = 0;
  return count;
}

bool& rows_are_made_up() {
  thread_local bool made_up = false;
  return made_up;
}

Result<void> need_inputs(Inputs inputs, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (i >= inputs.size() || !inputs[i])
      return fail(codes::kInvalid, "input " + std::to_string(i) + " is missing");
  return {};
}

Result<PostTransform> post_transform_of(const std::string& name) {
  if (name == "NONE") return PostTransform::none;
  if (name == "SOFTMAX") return PostTransform::softmax;
  if (name == "LOGISTIC") return PostTransform::logistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::softmax_zero;
  if (name == "PROBIT") return PostTransform::probit;
  return fail(codes::kInvalid, "post_transform " + name.substr(0, 32) + " is not known");
}

float logistic(float x) {
  const float of_size = 1.0f / (1.0f + std::exp(-std::abs(x)));
  return x < 0 ? 1.0f - of_size : of_size;
}

void apply_post_transform(PostTransform transform, float* scores, std::size_t count) {
  using trees::Transform;
  switch (transform) {
    case PostTransform::none:
      return;
    case PostTransform::logistic:
      for (std::size_t i = 0; i < count; ++i) scores[i] = logistic(scores[i]);
      return;
    case PostTransform::softmax:
      return trees::apply_transform(Transform::softmax, scores, count, scores);
    case PostTransform::softmax_zero:
      return trees::apply_transform(Transform::softmax_zero, scores, count, scores);
    case PostTransform::probit:
      return trees::apply_transform(Transform::probit, scores, count, scores);
  }
}

}  // namespace tidemill::infer::onnx_ml
