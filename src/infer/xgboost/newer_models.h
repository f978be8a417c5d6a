// Models that XGBoost 3.1 and later wrote, made readable for 1.7.
#pragma once

#include <string>

#include "base/error.h"

namespace tidemill::infer::xgboost {

// XGBoost 3.1 writes base_score as a list ("[6.3E-1]"). 1.7 loads such a model without a complaint
// and predicts with another base score, so the list is rewritten as the one number it holds, in
// JSON and in UBJSON. Tidemill.Invalid when the list holds several (vector-leaf and multi-target
// models).
Result<void> rewrite_base_score(std::string& model);

}  // namespace tidemill::infer::xgboost
