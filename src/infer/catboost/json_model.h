// CatBoost's JSON export: save_model(.., format="json").
#pragma once

#include <memory>
#include <string_view>

#include "infer/ensemble_model.h"
#include "infer/model.h"

namespace tidemill::infer::catboost {

// Recognizes its binary format (.cbm), which is not supported.
bool looks_like_binary(std::string_view head);
// Tidemill.Invalid with advice on how to export such a model.
std::unexpected<Error> refuse_binary();
// Recognizes keys that only CatBoost's JSON models have.
bool looks_like_model(std::string_view text);

struct JsonModel {
  trees::Ensemble ensemble;
  MarginTransform transform;
  ModelFacts facts;
};
// Tidemill.Invalid names the tree and its unsupported part, such as splits of target statistics
// (OnlineCtr), texts and embeddings.
Result<JsonModel> parse_model(std::string_view text);

Result<std::unique_ptr<Model>> load_model(std::string_view text);

}  // namespace tidemill::infer::catboost
