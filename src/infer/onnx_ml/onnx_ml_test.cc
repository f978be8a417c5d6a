#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "infer/onnx_ml/onnx_model.h"
#include "infer/onnx_ml/wire.h"
#include "infer/testdata/parity.h"

namespace tidemill::infer::onnx_ml {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBundle = "onnx_ml-1.17.0.zip";

// Whether make_onnx.py gave this case rows with missing values.
bool takes_missing(const std::string& name) {
  for (const char* prefix : {"imputer", "hist_", "xgboost", "lightgbm", "modes_"})
    if (name.starts_with(prefix)) return true;
  return false;
}

// Trees add a few numbers in a known order; elsewhere ONNX Runtime sums in its own order, and
// exponentials, powers and differences of large squares enlarge rounding errors.
struct Tolerance {
  double relative = parity::kTolerance, smallest = 1;
};
Tolerance tolerance_of(const std::string& name) {
  for (const char* trees :
       {"forest", "extra_trees", "boosting", "hist_", "tree", "xgboost", "lightgbm", "catboost",
        "modes_", "average_", "bagging", "columns_forest"})
    if (name.starts_with(trees)) return {parity::kTolerance, 0};
  for (const char* coarse : {"naive_bayes", "power", "isolation_forest", "perceptron"})
    if (name == coarse) return {1e-5, 1};
  // The square root of a difference of squares a thousand times its size.
  if (name == "kmeans") return {1e-4, 1};
  return {};
}

TEST(OnnxMl, Predicts_what_ONNX_Runtime_does) {
  const auto files = parity::read_bundle(kBundle);
  EXPECT_EQ(files.size(), 54u * 2);
  const Matrix whole = parity::make_rows(false), missing = parity::make_rows();
  for (const auto& [file, bytes] : files) {
    if (!file.ends_with(".model")) continue;
    const std::string name = file.substr(0, file.size() - 6);
    auto model = load_model(bytes);
    ASSERT_TRUE(model) << name << ": " << model.error().message;
    EXPECT_EQ((*model)->feature_count(), parity::kColumns) << name;
    auto scores = (*model)->predict(takes_missing(name) ? missing : whole);
    ASSERT_TRUE(scores) << name << ": " << scores.error().message;
    const Tolerance tolerance = tolerance_of(name);
    parity::expect_same(*scores, files.at(name + ".expected"), name, tolerance.relative,
                        tolerance.smallest);
  }
}

TEST(OnnxMl, Tells_its_kind_as_XGBoost_names_it) {
  const auto files = parity::read_bundle(kBundle);
  auto kind = [&](const std::string& name) {
    return (*load_model(files.at(name + ".model")))->objective();
  };
  EXPECT_EQ(kind("standard_logistic"), "binary:logistic");
  EXPECT_EQ(kind("forest_names"), "binary:logistic");
  EXPECT_EQ(kind("tree"), "multi:softprob");
  EXPECT_EQ(kind("forest_regressor"), "reg:squarederror");
  EXPECT_EQ((*load_model(files.at("tree.model")))->class_count(), 4u);
}

TEST(OnnxMl, An_unknown_category_is_the_clients_mistake) {
  auto model = load_model(parity::read_bundle(kBundle).at("one_hot_strict.model"));
  ASSERT_TRUE(model) << model.error().message;
  auto scores = (*model)->predict({1, parity::kColumns, {0, 0, 0, 0, 0, 4, 77, 0}});
  ASSERT_FALSE(scores);
  EXPECT_EQ(scores.error().http_status, 400);
  EXPECT_THAT(scores.error().message, HasSubstr("category 77"));
}

// The input that fuzzing found: an empty list of packed floats.
TEST(OnnxMl, Empty_lists_are_lists) {
  std::vector<float> none;
  Field field;
  field.type = WireType::bytes;
  EXPECT_TRUE(append_floats(field, none));
  EXPECT_TRUE(none.empty());
}

TEST(OnnxMl, A_file_is_told_by_its_first_bytes) {
  for (const auto& [name, bytes] : parity::read_bundle(kBundle))
    EXPECT_EQ(looks_like_model(bytes), name.ends_with(".model")) << name;
  EXPECT_FALSE(looks_like_model("tree\nversion=v4"));
  EXPECT_FALSE(looks_like_model("{\"learner\":"));
}

// A message of protobuf, written by hand.
std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string field(int number, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string field(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}
// X: floats of two columns, or another type; one node.
std::string small_model(const std::string& operation, std::uint64_t type = 1,
                        const std::string& attributes = "") {
  const std::string shape =
      field(1, field(2, std::string("N"))) + field(1, field(1, std::uint64_t{2}));
  const std::string value_type = field(1, field(1, type) + field(2, shape));
  const std::string node =
      field(1, std::string("X")) + field(2, std::string("Y")) + field(4, operation) + attributes;
  const std::string output_type = field(1, field(1, std::uint64_t{1}));
  const std::string graph = field(1, node) +
                            field(11, field(1, std::string("X")) + field(2, value_type)) +
                            field(12, field(1, std::string("Y")) + field(2, output_type));
  return field(1, std::uint64_t{8}) + field(7, graph) + field(8, field(2, std::uint64_t{17}));
}

TEST(OnnxMl, Reads_what_is_written_by_hand) {
  auto model = load_model(small_model("Neg"));
  ASSERT_TRUE(model) << model.error().message;
  auto scores = (*model)->predict({2, 2, {1, 2, 3, -4}});
  ASSERT_TRUE(scores);
  EXPECT_EQ(scores->columns, 2u);
  EXPECT_EQ(scores->values, (std::vector<float>{-1, -2, -3, 4}));
  EXPECT_EQ((*model)->predict({1, 3, {1, 2, 3}}).error().http_status, 400);
}

TEST(OnnxMl, Names_what_it_cannot_compute) {
  auto message = [](const std::string& bytes) {
    auto model = load_model(bytes);
    return model ? std::string() : model.error().message;
  };
  EXPECT_THAT(message(small_model("Conv")), HasSubstr("operator Conv"));
  EXPECT_THAT(message(small_model("SVMClassifier")), HasSubstr("operator SVMClassifier"));
  EXPECT_THAT(message(small_model("Neg", 8)), HasSubstr("encode texts"));
  EXPECT_THAT(message(small_model("TreeEnsembleRegressor")), HasSubstr("TreeEnsembleRegressor: "));
  EXPECT_THAT(message(small_model("MatMul")), HasSubstr("MatMul: input 1 is missing"));
  // A sum over all rows does not belong to any row.
  const std::string axes = field(5, field(1, std::string("axes")) + field(8, std::uint64_t{0}));
  const std::string keep = field(5, field(1, std::string("keepdims")) + field(3, std::uint64_t{1}));
  EXPECT_THAT(message(small_model("ReduceSum", 1, axes + keep)), HasSubstr("row"));
  EXPECT_THAT(message(""), HasSubstr("no graph"));
  EXPECT_THAT(message("nonsense"), HasSubstr("ONNX"));
}

TEST(OnnxMl, A_cut_off_file_is_refused_wherever_it_is_cut) {
  const auto files = parity::read_bundle(kBundle);
  for (const char* name : {"columns_logistic.model", "boosting.model"}) {
    const std::string& bytes = files.at(name);
    for (std::size_t size = 0; size < bytes.size(); size += 7)
      if (auto model = load_model(std::string_view(bytes).substr(0, size)))
        EXPECT_TRUE((*model)->predict(parity::make_rows(false))) << name << " " << size;
  }
}

TEST(OnnxMl, Supported_says_why_not) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("tidemill-onnx-" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << small_model("Conv");
  EXPECT_THAT(supported(path.string()).error().message, HasSubstr("operator Conv"));
  std::ofstream(path, std::ios::binary) << small_model("Neg");
  EXPECT_TRUE(supported(path.string()));
  std::filesystem::remove(path);
  EXPECT_FALSE(supported(path.string()));
}

}  // namespace
}  // namespace tidemill::infer::onnx_ml
