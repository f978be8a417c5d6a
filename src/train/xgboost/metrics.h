// The evaluation metrics that SageMaker's container adds to XGBoost's.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::train::xgboost {

// One prediction per row, in the objective's form, or `columns` class probabilities.
struct Evaluated {
  const std::vector<float>& labels;
  const std::vector<float>& predictions;
  std::size_t columns = 1;
  const std::string& objective;
};

// accuracy, balanced_accuracy, f1 (macro), f1_binary, f1_macro, precision, recall (binary) and
// their _macro and _micro forms, mse, r2. "ClientError" for a name that the objective cannot have.
Result<double> custom_metric(const std::string& name, const Evaluated& evaluated);

}  // namespace tidemill::train::xgboost
