// Models of SageMaker's linear-learner, kmeans and pca: the file `model_algo-1` of their archives.
#pragma once

#include <memory>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer::linear {

// MXNet arrays (kmeans, pca) or a zip archive (linear-learner).
bool looks_like_model(std::string_view head);

// Answers are shaped as the algorithm's page "response formats" in SageMaker's guide shows.
// Tidemill.Invalid says what is missing or not known: factorization machines among them.
Result<std::unique_ptr<Model>> load_model(std::string_view bytes);

}  // namespace tidemill::infer::linear
