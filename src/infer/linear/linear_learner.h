// The archive in linear-learner's model_algo-1.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "infer/model.h"

namespace tidemill::infer::linear {

// A matrix of weights, stored by output, so that a row meets them in order.
struct Weights {
  std::size_t features = 0, outputs = 0;
  std::vector<float> values;  // outputs * features
  std::vector<float> bias;    // outputs, or none
  std::vector<float> center;  // subtracted from the row first: features, or none
};

// The sum of (row[i] - center[i]) * weights, plus the bias, in double: MXNet's BLAS sums in its own
// order.
void multiply(const Weights& weights, const float* row, float* out);

// files: mx-mod-symbol.json, mx-mod-0000.params, additional-params.json.
Result<std::unique_ptr<Model>> load_linear_learner(const std::map<std::string, std::string>& files);

}  // namespace tidemill::infer::linear
