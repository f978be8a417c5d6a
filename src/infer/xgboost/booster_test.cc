#include "infer/xgboost/booster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/json.h"
#include "infer/xgboost/library.h"

namespace tidemill::infer::xgboost {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kRows = 200;
constexpr std::size_t kColumns = 3;

class BoosterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/tidemill-infer-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Trains y = (x0 > 0.5) and saves it; the file's format follows its name.
  std::string train(const std::string& name, const char* booster = "gbtree",
                    const char* objective = "binary:logistic", int classes = 0) {
    const Library& library = **xgboost::library();
    std::vector<float> values, labels;
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t column = 0; column < kColumns; ++column)
        values.push_back(static_cast<float>((row * (7 + column * 4)) % 101) / 101.0f);
      const float first = values[row * kColumns];
      labels.push_back(classes ? std::floor(first * static_cast<float>(classes) * 0.999f)
                               : (first > 0.5f ? 1.0f : 0.0f));
    }
    DMatrixHandle matrix;
    library.XGDMatrixCreateFromMat(values.data(), kRows, kColumns, NAN, &matrix);
    library.XGDMatrixSetFloatInfo(matrix, "label", labels.data(), kRows);
    BoosterHandle handle;
    library.XGBoosterCreate(&matrix, 1, &handle);
    library.XGBoosterSetParam(handle, "objective", objective);
    if (classes) library.XGBoosterSetParam(handle, "num_class", std::to_string(classes).c_str());
    if (std::string(booster) == "dart") library.XGBoosterSetParam(handle, "rate_drop", "0.5");
    library.XGBoosterSetParam(handle, "booster", booster);
    library.XGBoosterSetParam(handle, "nthread", "1");
    for (int round = 0; round < 10; ++round) library.XGBoosterUpdateOneIter(handle, round, matrix);
    std::string path = directory_ + "/" + name;
    EXPECT_EQ(library.XGBoosterSaveModel(handle, path.c_str()), 0);
    library.XGBoosterFree(handle);
    library.XGDMatrixFree(matrix);
    return path;
  }

  // The predictions of libxgboost with the model.
  static std::vector<float> oracle(const std::string& path, const Matrix& rows) {
    const Library& library = **xgboost::library();
    BoosterHandle handle;
    library.XGBoosterCreate(nullptr, 0, &handle);
    EXPECT_EQ(library.XGBoosterLoadModel(handle, path.c_str()), 0);
    library.XGBoosterSetParam(handle, "nthread", "1");
    DMatrixHandle matrix;
    library.XGDMatrixCreateFromMat(rows.values.data(), rows.rows, rows.columns, NAN, &matrix);
    bst_ulong dimensions = 0;
    const bst_ulong* shape = nullptr;
    const float* values = nullptr;
    EXPECT_EQ(library.XGBoosterPredictFromDMatrix(
                  handle, matrix,
                  R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,)"
                  R"("strict_shape":true})",
                  &shape, &dimensions, &values),
              0);
    std::size_t count = 1;
    for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
    std::vector<float> out(values, values + count);
    library.XGDMatrixFree(matrix);
    library.XGBoosterFree(handle);
    return out;
  }

  std::string directory_;
};

TEST_F(BoosterTest, Reads_each_format_and_predicts_the_same) {
  for (const char* name : {"xgboost-model", "model.json", "model.ubj"}) {
    auto model = load_booster(train(name));
    ASSERT_TRUE(model) << name << ": " << model.error().message;
    EXPECT_EQ((*model)->feature_count(), kColumns);
    EXPECT_EQ((*model)->objective(), "binary:logistic");
    auto scores = (*model)->predict({2, 3, {0.1f, 0, 0, 0.9f, 0, 0}});
    ASSERT_TRUE(scores) << scores.error().message;
    ASSERT_EQ(scores->values.size(), 2u);
    EXPECT_LT(scores->values[0], 0.2f);
    EXPECT_GT(scores->values[1], 0.8f);
  }
}

TEST_F(BoosterTest, The_tree_kernel_predicts_what_XGBoost_does) {
  struct Case {
    const char* booster;
    const char* objective;
    int classes;
  };
  for (const Case& each :
       {Case{"gbtree", "binary:logistic", 0}, Case{"gbtree", "binary:logitraw", 0},
        Case{"gbtree", "binary:hinge", 0}, Case{"gbtree", "reg:squarederror", 0},
        Case{"gbtree", "count:poisson", 0}, Case{"gbtree", "multi:softprob", 4},
        Case{"gbtree", "multi:softmax", 4}, Case{"dart", "binary:logistic", 0},
        Case{"gbtree", "rank:pairwise", 0}, Case{"gbtree", "reg:tweedie", 0},
        Case{"gblinear", "binary:logistic", 0}, Case{"gblinear", "multi:softprob", 4}}) {
    const std::string path = train("xgboost-model", each.booster, each.objective, each.classes);
    auto model = load_booster(path);
    ASSERT_TRUE(model) << each.objective << ": " << model.error().message;
    Matrix rows{5000, kColumns, {}};
    for (std::size_t i = 0; i < rows.rows * kColumns; ++i)
      rows.values.push_back(i % 11 == 0 ? NAN : static_cast<float>(i * 7919 % 997) / 997.0f);
    auto found = (*model)->predict(rows);
    ASSERT_TRUE(found) << each.objective;
    const std::vector<float> expected = oracle(path, rows);
    ASSERT_EQ(found->values.size(), expected.size()) << each.objective;
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(found->values[i], expected[i], 1e-6 * std::max(1.0f, std::abs(expected[i])))
          << each.booster << " " << each.objective << " " << i;
  }
}

TEST_F(BoosterTest, Linear_models_predict_too) {
  auto model = load_booster(train("xgboost-model", "gblinear"));
  ASSERT_TRUE(model) << model.error().message;
  auto scores = (*model)->predict({2, 3, {0.1f, 0, 0, 0.9f, 0, 0}});
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_LT(scores->values[0], scores->values[1]);
}

TEST_F(BoosterTest, Wrong_width_says_both_numbers) {
  auto model = load_booster(train("xgboost-model"));
  auto scores = (*model)->predict({1, 4, {0.1f, 0, 0, 0}});
  ASSERT_FALSE(scores);
  EXPECT_EQ(scores.error().http_status, 400);
  EXPECT_THAT(scores.error().message, HasSubstr("has 4 features"));
  EXPECT_THAT(scores.error().message, HasSubstr("with 3"));
}

TEST_F(BoosterTest, What_a_narrow_row_lacks_is_missing) {
  auto model = load_booster(train("xgboost-model"));
  const auto narrow = (*model)->predict({2, 1, {0.1f, 0.9f}});
  const auto whole = (*model)->predict({2, 3, {0.1f, NAN, NAN, 0.9f, NAN, NAN}});
  ASSERT_TRUE(narrow) << narrow.error().message;
  EXPECT_EQ(narrow->values, whole->values);
}

TEST(HostilePickles, Are_searched_once) {
  const std::string class_name = "ccopy_reg\n(cxgboost.core\nBooster\n";
  std::string head(136, '\0');
  head += std::string("\x0f\0\0\0\0\0\0\0", 8) + "binary:logistic";
  // Nested texts that each look like a booster, although none is one.
  std::string nested = class_name;
  for (int i = 0; i < 3000; ++i) nested += "V" + head;
  for (const std::string& pickle :
       {class_name + std::string(4 << 20, 'V'), "\x80\x02" + std::string(4 << 20, 'X'), nested,
        nested + "\n", "\x80\x03" + std::string(4 << 20, 'B'), class_name, class_name + "V\\u00",
        class_name + "V" + std::string(140, 'a') + "\\u00zz"}) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(read_booster(pickle));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  }
}

TEST_F(BoosterTest, Many_threads_predict_at_once) {
  auto model = load_booster(train("xgboost-model"));
  ASSERT_TRUE(model);
  std::vector<std::jthread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        auto scores = (*model)->predict({2, 3, {0.1f, 0, 0, 0.9f, 0, 0}});
        if (!scores || scores->values[0] > 0.2f || scores->values[1] < 0.8f) ++wrong;
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

// Python's xgboost 3.2 wrote testdata/, whose base_score 1.7 cannot read by
// itself.
TEST_F(BoosterTest, Predicts_what_Python_predicts_with_models_of_a_newer_xgboost) {
  const std::string testdata = std::string(TIDEMILL_SOURCE_DIR) + "/src/infer/testdata/";
  std::ifstream file(testdata + "python_expected.json");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  Value expected = *parse_json(text);
  Matrix rows{5, kColumns, {}};
  for (const Value& value : *expected.find("rows")->as_list())
    rows.values.push_back(static_cast<float>(*value.get_if<double>()));
  for (const char* name : {"python.json", "python.ubj", "python.pkl"}) {
    auto model = load_booster(testdata + name);
    ASSERT_TRUE(model) << name << ": " << model.error().message;
    auto scores = (*model)->predict(rows);
    ASSERT_TRUE(scores) << scores.error().message;
    const ValueList& wanted = *expected.find("scores")->as_list();
    ASSERT_EQ(scores->values.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(scores->values[i], *wanted[i].get_if<double>(), 1e-6) << name;
  }
}

TEST_F(BoosterTest, Load_model_names_what_it_tried) {
  auto missing = load_model(directory_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no file xgboost-model"));
  std::ofstream(directory_ + "/notes.txt") << "this is no model";
  auto broken = load_model(directory_);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("notes.txt: "));
  train("xgboost-model");
  EXPECT_TRUE(load_model(directory_));
}

}  // namespace
}  // namespace tidemill::infer::xgboost
