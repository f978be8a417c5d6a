// Several models of one archive as one, as SageMaker's XGBoost container has them.
#pragma once

#include <memory>
#include <vector>

#include "infer/model.h"

namespace tidemill::infer {

// Limit on the models of one archive; each of them predicts each row.
inline constexpr std::size_t kCombinedModelsMax = 256;

// The mean of what the models say, summed in float in their order; of multi:softmax and
// binary:hinge the label that most of them say, the smallest of several. Two models at least.
// Tidemill.Invalid when they differ in features or outputs, or are too many.
Result<std::unique_ptr<Model>> combine_models(std::vector<std::unique_ptr<Model>> models);

}  // namespace tidemill::infer
