// Finds the booster inside a pickled Python xgboost.Booster without running the pickle.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::infer::xgboost {

// The largest string of the pickle that looks like a booster: serialized by XGBoost 1.0 and later,
// or a bare model as in 0.90 and earlier. The view points into `pickle`, or into `decoded` if the
// pickle (protocols 0 to 2, such as Python 2's) holds the bytes as text. Tidemill.Invalid when
// there is none.
Result<std::string_view> find_pickled_booster(std::string_view pickle, std::string& decoded);

}  // namespace tidemill::infer::xgboost
