// XGBoost's models as infer::Models, without XGBoost.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "infer/model.h"
#include "infer/trees/kernel.h"
#include "infer/xgboost/model_file.h"

namespace tidemill::infer::xgboost {

inline constexpr std::uint64_t kModelFileBytesMax = 4ull << 30;

// Reads XGBoost's binary, JSON or UBJSON format, or the pickle of a Python Booster written by old
// SageMaker containers (it extracts the bytes and runs no pickle code). Tidemill.Invalid
// otherwise.
Result<std::unique_ptr<Model>> load_booster(const std::string& path,
                                            const trees::CompileOptions& options = {});
// The same from the bytes of the file.
Result<std::unique_ptr<Model>> read_booster(std::string_view bytes,
                                            const trees::CompileOptions& options = {});

// The trees that predictions use: up to the best iteration, with outputs and weights set.
Result<trees::Ensemble> make_ensemble(ModelFile file);

}  // namespace tidemill::infer::xgboost
