// Finds the booster inside a pickled Python xgboost.Booster without running the pickle.
#pragma once

#include <string_view>

#include "base/error.h"

namespace tidemill::infer::xgboost {

// The bytes for XGBoosterUnserializeFromBuffer: the largest byte string of the pickle that looks
// like a serialized booster. Tidemill.Invalid when there is none. The view points into `pickle`.
Result<std::string_view> find_pickled_booster(std::string_view pickle);

}  // namespace tidemill::infer::xgboost
