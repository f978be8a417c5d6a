// XGBoost's objectives, as far as predictions need them.
#pragma once

#include <optional>
#include <string_view>

#include "infer/trees/transform.h"

namespace tidemill::infer::xgboost {

struct Objective {
  trees::Transform transform = trees::Transform::identity;
  // How base_score, which users give as a prediction, becomes a margin.
  enum class Base { same, logit, logarithm } base = Base::same;
};

// nullopt for an unknown objective.
std::optional<Objective> find_objective(std::string_view name);
float margin_of(Objective::Base base, float score);

}  // namespace tidemill::infer::xgboost
