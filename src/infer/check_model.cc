#include "infer/check_model.h"

#include <cstdio>

#include "infer/model.h"

namespace tidemill::infer {
namespace {

constexpr std::size_t kFeaturesMax = 10'000'000;  // a row of 40 MB

}  // namespace

int check_model_main(const std::string& directory, const LoadOptions& options) {
  auto refuse = [](const std::string& reason) {
    std::fputs(reason.c_str(), stdout);
    std::fflush(stdout);
    return 1;
  };
  Result<std::unique_ptr<Model>> model = load_model(directory, options);
  if (!model) return refuse(model.error().message);
  const std::size_t features = (*model)->feature_count();
  if (features == 0 || features > kFeaturesMax)
    return refuse("the model has " + std::to_string(features) + " features");
  Result<Predictions> predictions =
      (*model)->predict({1, features, std::vector<float>(features, 0.0f)});
  // A row of zeros may contain a category that the model refuses: that is the row's fault.
  if (!predictions && predictions.error().http_status != 400)
    return refuse(predictions.error().message);
  return 0;
}

}  // namespace tidemill::infer
