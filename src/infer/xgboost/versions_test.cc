// Compares models of many XGBoost versions with each version's own predictions.
// testdata/make_xgboost_models.py makes the models and predictions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "infer/archive/zip.h"
#include "infer/xgboost/booster.h"
#include "infer/xgboost/pickle.h"

namespace tidemill::infer::xgboost {
namespace {

constexpr std::size_t kRows = 150, kColumns = 5;
constexpr double kRelative = 1e-6;

struct Case {
  std::string version, name, format;
  std::string model, expected;
};

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The same as rows() in make_xgboost_models.py.
std::vector<float> plain_rows(bool missing = true) {
  std::uint64_t state = 42;
  std::vector<float> out;
  for (std::size_t i = 0; i < kRows * kColumns; ++i) {
    state = (state * 1103515245 + 12345) % (1u << 31);
    const float value = static_cast<float>((state >> 12) % 1000) / 1000.0f;
    const bool lacks = (state >> 8) % 10 == 0;
    out.push_back(lacks ? (missing ? NAN : 0.5f) : value);
  }
  return out;
}

std::vector<float> categorical_rows() {
  std::vector<float> rows = plain_rows(false);
  for (std::size_t row = 0; row < kRows; ++row) {
    float* values = &rows[row * kColumns];
    values[0] = std::floor(values[0] * 7);
    values[4] = row % 9 == 0 ? NAN : std::floor(values[4] * 40);
  }
  return rows;
}

// "<case>.<format>.model" and "<case>.expected" of each bundle.
std::vector<Case> cases() {
  std::vector<Case> out;
  const std::string prefix = "xgboost_model-";
  const auto testdata = std::filesystem::path(TIDEMILL_SOURCE_DIR) / "src/infer/testdata";
  for (const auto& entry : std::filesystem::directory_iterator(testdata)) {
    const std::string bundle = entry.path().stem().string();
    if (!bundle.starts_with(prefix)) continue;
    const auto files = read_zip(content(entry.path()), {.entries_max = 1000});
    if (!files) continue;
    for (const auto& [file, bytes] : *files) {
      if (!file.ends_with(".model")) continue;
      const std::string name = file.substr(0, file.find('.'));
      const std::string format = file.substr(name.size() + 1, 3);
      out.push_back({bundle.substr(prefix.size()), name, format == "jso" ? "json" : format, bytes,
                     files->at(name + ".expected")});
    }
  }
  return out;
}

class Versions : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const std::string& bytes = GetParam().expected;
    ASSERT_FALSE(bytes.empty());
    expected_.resize(bytes.size() / sizeof(float));
    std::memcpy(expected_.data(), bytes.data(), bytes.size());
    const std::string& name = GetParam().name;
    rows_ = name == "onehot" || name == "partition" ? categorical_rows() : plain_rows();
  }

  std::vector<float> expected_, rows_;
};

TEST_P(Versions, Predicts_as_the_version_that_trained_the_model) {
  for (trees::Path path : {trees::Path::scalar, trees::Path::avx2, trees::Path::avx512}) {
    if (!trees::path_available(path)) continue;
    auto model = read_booster(GetParam().model, {path});
    ASSERT_TRUE(model) << model.error().message;
    ASSERT_EQ((*model)->feature_count(), kColumns);
    const std::size_t columns = (*model)->output_columns();
    std::vector<float> found(kRows * columns);
    ASSERT_TRUE((*model)->predict_rows(rows_.data(), kRows, found.data()));
    ASSERT_GE(expected_.size(), found.size());
    const float* wanted = expected_.data() + expected_.size() - found.size();
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_LE(std::abs(found[i] - wanted[i]), kRelative * std::max(1.0f, std::abs(wanted[i])))
          << trees::path_name(path) << ", row " << i / columns << ": " << found[i] << " is not "
          << wanted[i];
  }
}

// Margins do not depend on a libm's exponentials, so every bit is the same.
TEST_P(Versions, Sums_to_the_same_bits) {
  if (GetParam().name.starts_with("linear")) GTEST_SKIP() << "no trees";
  const std::string& bytes = GetParam().model;
  std::string decoded;
  const auto pickled = find_pickled_booster(bytes, decoded);
  auto file = read_model_file(pickled ? *pickled : bytes);
  ASSERT_TRUE(file) << file.error().message;
  const std::size_t outputs = file->output_count();
  auto ensemble = make_ensemble(std::move(*file));
  ASSERT_TRUE(ensemble) << ensemble.error().message;
  auto kernel = trees::compile(*ensemble);
  ASSERT_TRUE(kernel) << kernel.error().message;
  std::vector<float> margins(kRows * outputs);
  (*kernel)->predict(rows_.data(), kRows, kColumns, margins.data());
  std::size_t different = 0;
  for (std::size_t i = 0; i < margins.size(); ++i) different += margins[i] != expected_[i];
  EXPECT_EQ(different, 0u) << "of " << margins.size() << ", first " << margins[0] << " for "
                           << expected_[0];
}

// Otherwise a bundle that cannot be read would merely be skipped.
TEST(VersionBundles, Are_all_there) { EXPECT_EQ(cases().size(), 103u); }

INSTANTIATE_TEST_SUITE_P(XGBoost, Versions, ::testing::ValuesIn(cases()), [](const auto& each) {
  std::string name = each.param.version + "_" + each.param.name + "_" + each.param.format;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

}  // namespace
}  // namespace tidemill::infer::xgboost
