// ONNX models: any input gives a model that predicts, or an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "infer/onnx_ml/onnx_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::infer;
  const auto model =
      onnx_ml::load_model(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!model) return 0;
  constexpr std::size_t kFeaturesPredicted = 4096;
  const std::size_t features = (*model)->feature_count();
  if (features > kFeaturesPredicted) return 0;
  Matrix rows{2, features, std::vector<float>(2 * features, 3.0f)};
  for (std::size_t i = 0; i < features; ++i) rows.values[features + i] = __builtin_nanf("");
  // A row may be refused: an unknown category.
  (void)(*model)->predict(rows).has_value();
  return 0;
}
