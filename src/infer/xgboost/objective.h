// XGBoost's objectives, as far as predictions need them.
#pragma once

#include <optional>
#include <string_view>

#include "infer/trees/transform.h"

namespace tidemill::infer::xgboost {

struct Objective {
  trees::Transform transform = trees::Transform::identity;
  // What base_score, which users give as a prediction, is as a margin.
  enum class Base { same, logit, logarithm } base = Base::same;
};

// Nothing for one that is not known.
std::optional<Objective> find_objective(std::string_view name);
float margin_of(Objective::Base base, float score);

}  // namespace tidemill::infer::xgboost
