// Models of SageMaker's linear-learner, kmeans and pca: the file `model_algo-1` of their archives.
#pragma once

#include <memory>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer::linear {

// MXNet arrays (kmeans, pca) or a zip archive (linear-learner).
bool looks_like_model(std::string_view head);

// Answers have the form of the algorithm's page "response formats" in SageMaker's guide.
// Tidemill.Invalid says what is missing or unsupported, such as factorization machines.
Result<std::unique_ptr<Model>> load_model(std::string_view bytes);

}  // namespace tidemill::infer::linear
