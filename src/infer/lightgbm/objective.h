// The "objective=" line of a LightGBM model: "multiclass num_class:3", "binary sigmoid:1".
#pragma once

#include <string_view>

#include "infer/ensemble_model.h"

namespace tidemill::infer::lightgbm {

struct Objective {
  MarginTransform transform;
  ModelFacts facts;
};

// has_objective: models of custom objectives have no such line; their margins are the answer.
// class_count: the head's num_class. Tidemill.Invalid for an objective that is not known.
Result<Objective> read_objective(std::string_view line, bool has_objective,
                                 std::size_t class_count);

}  // namespace tidemill::infer::lightgbm
