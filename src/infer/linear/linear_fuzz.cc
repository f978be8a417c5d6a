// SageMaker's model_algo-1: any input gives a model that predicts, or an error.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "infer/linear/built_in_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::infer;
  const auto model =
      linear::load_model(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!model) return 0;
  constexpr std::size_t kFeaturesPredicted = 4096;
  const std::size_t features = (*model)->feature_count();
  if (features > kFeaturesPredicted) return 0;
  assert((*model)->predict({1, features, std::vector<float>(features, 1.0f)}));
  return 0;
}
