// LightGBM's text models (Booster.save_model, model_to_string), as LightGBM 2 to 4 write them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "infer/ensemble_model.h"
#include "infer/model.h"

namespace tidemill::infer::lightgbm {

// A file may be one: it begins with the line "tree".
bool looks_like_model(std::string_view bytes);

struct TextModel {
  trees::Ensemble ensemble;
  MarginTransform transform;
  ModelFacts facts;
};
// Tidemill.Invalid names the tree and the line that cannot be read.
Result<TextModel> parse_model(std::string_view text);

Result<std::unique_ptr<Model>> load_model(std::string_view text);

}  // namespace tidemill::infer::lightgbm
