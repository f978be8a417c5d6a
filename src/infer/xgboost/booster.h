// A booster of XGBoost as an infer::Model.
#pragma once

#include <memory>
#include <string>

#include "infer/model.h"

namespace tidemill::infer::xgboost {

// Reads XGBoost's binary, JSON or UBJSON format, or the pickle of a Python Booster that old
// SageMaker containers wrote (its bytes are found, no pickle code is run). Tidemill.Invalid
// otherwise.
// Trees predict through infer::Forest when it agrees with XGBoost on rows made for the purpose,
// which is some forty times faster for single rows; with own_kernel false always through XGBoost.
Result<std::unique_ptr<Model>> load_booster(const std::string& path, bool own_kernel = true);

}  // namespace tidemill::infer::xgboost
