// The "objective=" line of a LightGBM model: "multiclass num_class:3", "binary sigmoid:1".
#pragma once

#include <string_view>

#include "infer/ensemble_model.h"

namespace tidemill::infer::lightgbm {

struct Objective {
  MarginTransform transform;
  ModelFacts facts;
};

// has_objective: models with custom objectives lack the line, and their answers are margins.
// class_count: num_class of the head. Tidemill.Invalid for an unknown objective.
Result<Objective> read_objective(std::string_view line, bool has_objective,
                                 std::size_t class_count);

}  // namespace tidemill::infer::lightgbm
