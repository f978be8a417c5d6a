// A model made of trees and a transform of their sums: LightGBM's and CatBoost's.
#pragma once

#include <memory>
#include <string>

#include "infer/model.h"
#include "infer/trees/ensemble.h"
#include "infer/trees/transform.h"

namespace tidemill::infer {

// Computed in double, like LightGBM and CatBoost; rounded to float at the end.
struct MarginTransform {
  trees::Transform kind = trees::Transform::identity;
  double scale = 1;  // of a sigmoid
};

// The properties of a model.
struct ModelFacts {
  std::string objective;  // XGBoost's name for it
  std::size_t class_count = 0;
};

// Tidemill.Invalid when the ensemble is invalid (trees::check_ensemble) or has no features.
Result<std::unique_ptr<Model>> make_ensemble_model(const trees::Ensemble& ensemble,
                                                   const MarginTransform& transform,
                                                   ModelFacts facts);

}  // namespace tidemill::infer
