#include "infer/trees/transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidemill::infer::trees {
namespace {

// Giles' single-precision approximation of erfinv is too coarse in double: two Newton steps on erf
// follow it.
double inverse_erf(double x) {
  if (!(x > -1 && x < 1))
    return x == 1    ? std::numeric_limits<double>::infinity()
           : x == -1 ? -std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::quiet_NaN();
  constexpr double kWinitzki = 0.147;
  constexpr double kTwoOverRootPi = 1.1283791670955126;
  const double logarithm = std::log1p(-x * x);
  const double half = 2 / (M_PI * kWinitzki) + logarithm / 2;
  double y = std::copysign(std::sqrt(std::sqrt(half * half - logarithm / kWinitzki) - half), x);
  for (int step = 0; step < 3; ++step) y -= (std::erf(y) - x) / (kTwoOverRootPi * std::exp(-y * y));
  return y;
}

template <class T>
T one(Transform transform, T x, T scale) {
  switch (transform) {
    case Transform::sigmoid:
      return T(1) / (T(1) + std::exp(-scale * x));
    case Transform::exponential:
      return std::exp(x);
    case Transform::softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    case Transform::signed_square:
      return std::copysign(x * x, x);
    case Transform::probit:
      return static_cast<T>(std::sqrt(2.0) * inverse_erf(2 * static_cast<double>(x) - 1));
    case Transform::step:
      return x > 0 ? T(1) : T(0);
    default:
      return x;
  }
}

// Like XGBoost: the sum in double, each exponential in T.
template <class T>
void softmax(const T* margins, std::size_t outputs, T* out, bool zeros_stay) {
  const T largest = *std::max_element(margins, margins + outputs);
  double sum = 0;
  for (std::size_t i = 0; i < outputs; ++i) {
    out[i] = zeros_stay && margins[i] == 0 ? T(0) : std::exp(margins[i] - largest);
    sum += out[i];
  }
  if (sum == 0) return;
  for (std::size_t i = 0; i < outputs; ++i) out[i] /= static_cast<T>(sum);
}

}  // namespace

std::size_t transformed_columns(Transform transform, std::size_t outputs) {
  return transform == Transform::arg_max ? 1 : outputs;
}

template <class T>
void apply_transform(Transform transform, const T* margins, std::size_t outputs, T* out, T scale) {
  if (outputs == 0) return;
  switch (transform) {
    case Transform::softmax:
    case Transform::softmax_zero:
      return softmax(margins, outputs, out, transform == Transform::softmax_zero);
    case Transform::arg_max:
      out[0] = static_cast<T>(std::max_element(margins, margins + outputs) - margins);
      return;
    default:
      for (std::size_t i = 0; i < outputs; ++i) out[i] = one(transform, margins[i], scale);
  }
}

template void apply_transform(Transform, const float*, std::size_t, float*, float);
template void apply_transform(Transform, const double*, std::size_t, double*, double);

}  // namespace tidemill::infer::trees
