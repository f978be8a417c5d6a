// Model files of every format: any input gives a model that predicts, or an error.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "infer/xgboost/booster.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::infer;
  constexpr std::size_t kFeaturesMax = 1u << 16, kRows = 5;
  trees::CompileOptions options{static_cast<trees::Path>(size % 3)};
  if (!trees::path_available(*options.path)) options.path.reset();
  const auto model =
      xgboost::read_booster(std::string_view(reinterpret_cast<const char*>(data), size), options);
  if (!model || (*model)->feature_count() > kFeaturesMax) return 0;
  const std::size_t features = (*model)->feature_count();
  std::vector<float> rows(kRows * features, 0.5f);
  for (std::size_t i = 0; i < rows.size(); i += 3)
    rows[i] = i % 2 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(i) - 7;
  std::vector<float> out(kRows * (*model)->output_columns());
  const auto done = (*model)->predict_rows(rows.data(), kRows, out.data());
  assert(done);
  return 0;
}
