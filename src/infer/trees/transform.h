// Transforms of margins: the last step of most models, shared by the loaders.
#pragma once

#include <cstddef>

namespace tidemill::infer::trees {

enum class Transform {
  identity,
  sigmoid,        // 1 / (1 + exp(-scale x)), each output by itself
  exponential,    // exp(x)
  softplus,       // log(1 + exp(x))
  signed_square,  // sign(x) x^2 (LightGBM's reg_sqrt)
  probit,         // the normal distribution's quantile function, sqrt(2) erfinv(2x - 1) (ONNX)
  step,           // x > 0 ? 1 : 0
  softmax,        // over the outputs
  softmax_zero,   // the same, but margins of 0 stay 0 (ONNX's SOFTMAX_ZERO)
  arg_max,        // the index of the largest, the first of equals: one number a row
};

// Numbers per row after the transform.
std::size_t transformed_columns(Transform transform, std::size_t outputs);

// One row. `out` may be `margins`. Computes in T as XGBoost (float) and LightGBM (double) do.
template <class T>
void apply_transform(Transform transform, const T* margins, std::size_t outputs, T* out,
                     T scale = 1);

extern template void apply_transform(Transform, const float*, std::size_t, float*, float);
extern template void apply_transform(Transform, const double*, std::size_t, double*, double);

}  // namespace tidemill::infer::trees
