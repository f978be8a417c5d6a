// LightGBM's text models: any input gives a model that predicts, or an error.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "infer/lightgbm/text_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::infer;
  const auto model =
      lightgbm::load_model(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!model) return 0;
  constexpr std::size_t kFeaturesPredicted = 4096;
  const std::size_t features = (*model)->feature_count();
  if (features > kFeaturesPredicted) return 0;
  Matrix rows{3, features, std::vector<float>(3 * features, 0.0f)};
  for (std::size_t i = 0; i < features; ++i) rows.values[features + i] = __builtin_nanf("");
  for (std::size_t i = 0; i < features; ++i) rows.values[2 * features + i] = 1e30f;
  assert((*model)->predict(rows));
  return 0;
}
