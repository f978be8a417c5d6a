// The hyperparameters of SageMaker's built-in XGBoost algorithm.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "train/xgboost/hyperparameter_table.h"

namespace tidemill::train::xgboost {

inline constexpr XgboostVersion kNewestXgboost{3, 0};

struct Hyperparameters {
  int rounds = 0;  // num_round
  std::optional<int> early_stopping_rounds;
  bool csv_weights = false;  // the second CSV column is the row's weight
  // Metrics in the order given. XGBoost computes the first kind, Tidemill the second.
  std::vector<std::string> builtin_metrics;
  std::vector<std::string> custom_metrics;
  // The last one in eval_metric, which early stopping watches; empty: the objective's default.
  std::string last_metric;
  std::string objective = "reg:squarederror";
  // Everything else, for XGBoosterSetParam.
  std::vector<std::pair<std::string, std::string>> booster;
};

// All values are strings, as in hyperparameters.json. "ClientError" names the parameter, its value
// and the allowed range. `version`: the XGBoost version of the container.
Result<Hyperparameters> parse_hyperparameters(const std::map<std::string, std::string>& given,
                                              XgboostVersion version = kNewestXgboost);

// True for auc, f1, ...; false for losses.
bool larger_is_better(const std::string& metric);

}  // namespace tidemill::train::xgboost
