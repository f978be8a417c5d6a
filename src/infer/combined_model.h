// Combines several models of one archive into one, like SageMaker's XGBoost container.
#pragma once

#include <memory>
#include <vector>

#include "infer/model.h"

namespace tidemill::infer {

// Limit on the models of one archive; each of them predicts each row.
inline constexpr std::size_t kCombinedModelsMax = 256;

// The mean of the models' predictions, summed in float in their order; for multi:softmax and
// binary:hinge the most frequent label, the smallest if several tie. At least two models.
// Tidemill.Invalid when they differ in features or outputs, or are too many.
Result<std::unique_ptr<Model>> combine_models(std::vector<std::unique_ptr<Model>> models);

}  // namespace tidemill::infer
