#include <cmath>
#include <cstring>

#include "model_server/serve/batcher.h"

namespace tidemill::model_server {
namespace {

constexpr std::int64_t kTrialSize = 4;  // of dynamic dimensions other than the first

bool first_is_dynamic(const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs)
    if (spec.shape.empty() || spec.shape[0] != kDynamic) return false;
  return true;
}

}  // namespace

Result<Tensors> trial_row(const std::vector<TensorSpec>& inputs, bool second) {
  Tensors out;
  for (const TensorSpec& input : inputs) {
    Tensor tensor{input.type, input.shape, {}};
    tensor.shape[0] = 1;
    for (std::int64_t& dimension : tensor.shape)
      if (dimension == kDynamic) dimension = kTrialSize;
    const std::size_t count = TRY(element_count(tensor.shape, tensor.type));
    tensor.data.resize(count * bytes_of(tensor.type));
    with_element(tensor.type, [&](auto value) {
      for (std::size_t i = 0; i < count; ++i) {
        value = static_cast<decltype(value)>(second ? (i + 1) % 2 : i % 3 == 1);
        std::memcpy(tensor.data.data() + i * sizeof value, &value, sizeof value);
      }
    });
    out.push_back(std::move(tensor));
  }
  return out;
}

namespace {

Tensors joined(Tensors a, const Tensors& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i].data += b[i].data;
    a[i].shape[0] += b[i].shape[0];
  }
  return a;
}

double element(const Tensor& tensor, std::size_t at) {
  return with_element(tensor.type, [&](auto value) {
    std::memcpy(&value, tensor.data.data() + at * sizeof value, sizeof value);
    return static_cast<double>(value);
  });
}

// Larger batches may sum in another order.
bool nearly_equal(const Tensor& a, const Tensor& b) {
  if (a.type != b.type || a.shape != b.shape) return false;
  for (std::size_t i = 0; i < a.count(); ++i) {
    const double x = element(a, i), y = element(b, i);
    if (std::isnan(x) && std::isnan(y)) continue;
    if (x != y && !(std::abs(x - y) <= 1e-5 + 1e-4 * std::abs(x))) return false;
  }
  return true;
}

}  // namespace

bool rows_are_independent(Runner& runner, std::string& why_not) {
  if (!first_is_dynamic(runner.inputs()) || !first_is_dynamic(runner.outputs())) {
    why_not = "the first dimension of an input or output is fixed";
    return false;
  }
  Result<Tensors> first = trial_row(runner.inputs(), false);
  Result<Tensors> second = trial_row(runner.inputs(), true);
  if (!first || !second) {
    why_not = "its inputs are too large for a trial";
    return false;
  }
  const Result<Tensors> one = runner.run(*first), other = runner.run(*second);
  const Result<Tensors> both = runner.run(joined(*first, *second));
  if (!one || !other || !both) {
    why_not = "a trial run failed: " + (!one     ? one.error()
                                        : !other ? other.error()
                                                 : both.error())
                                           .message;
    return false;
  }
  for (std::size_t i = 0; i < both->size(); ++i)
    if ((*one)[i].shape.empty() || (*one)[i].shape[0] != 1 ||
        (*other)[i].shape.size() != (*one)[i].shape.size() ||
        !nearly_equal((*both)[i], joined({(*one)[i]}, {(*other)[i]})[0])) {
      why_not = "two rows together do not give what each gives alone";
      return false;
    }
  return true;
}

}  // namespace tidemill::model_server
