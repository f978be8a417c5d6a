// Ranges of the hyperparameters, as data.
#pragma once

#include <limits>
#include <span>
#include <string_view>

namespace tidemill::train::xgboost {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Kind { integer, real, category, list, text };

struct XgboostVersion {
  int major = 0, minor = 0;
  auto operator<=>(const XgboostVersion&) const = default;
};
inline constexpr XgboostVersion kLaterVersion{1000, 0};

// https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html
struct HyperparameterRule {
  std::string_view name;
  Kind kind;
  double minimum = -kInfinity;
  double maximum = kInfinity;
  bool minimum_open = false;
  bool maximum_open = false;
  // Allowed values of a category, allowed elements of a list; empty: any.
  std::span<const std::string_view> values = {};
  // XGBoost versions whose container has it: from `since` on and before `until`.
  XgboostVersion since = {}, until = kLaterVersion;
};

std::span<const HyperparameterRule> hyperparameter_rules();
// "eta" for "learning_rate", an alias of the container; other names are returned unchanged.
std::string_view hyperparameter_name(std::string_view given);
// Metrics that XGBoost computes itself.
std::span<const std::string_view> builtin_metrics();
// Metrics that SageMaker's container adds.
std::span<const std::string_view> custom_metrics();

}  // namespace tidemill::train::xgboost
