// CatBoost's JSON export: save_model(.., format="json").
#pragma once

#include <memory>
#include <string_view>

#include "infer/ensemble_model.h"
#include "infer/model.h"

namespace tidemill::infer::catboost {

// Its binary format (.cbm), which is not read.
bool looks_like_binary(std::string_view head);
// Tidemill.Invalid that says how to export such a model.
std::unexpected<Error> refuse_binary();
// What of all JSON models only CatBoost's have.
bool looks_like_model(std::string_view text);

struct JsonModel {
  trees::Ensemble ensemble;
  MarginTransform transform;
  ModelFacts facts;
};
// Tidemill.Invalid names the tree and what in it cannot be read: splits of target statistics
// (OnlineCtr), texts and embeddings among them.
Result<JsonModel> parse_model(std::string_view text);

Result<std::unique_ptr<Model>> load_model(std::string_view text);

}  // namespace tidemill::infer::catboost
