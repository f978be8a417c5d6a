#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer/catboost/category_hash.h"
#include "infer/catboost/json_model.h"
#include "infer/testdata/parity.h"

namespace tidemill::infer::catboost {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBundle = "catboost-1.2.10.zip";

TEST(CatBoost, Predicts_what_CatBoost_does) {
  const auto files = parity::read_bundle(kBundle);
  EXPECT_EQ(files.size(), 14u * 2);
  const Matrix rows = parity::make_rows();
  Matrix filled = rows;  // where a missing category is the category 0
  for (std::size_t i = 0; i < filled.values.size(); ++i)
    if (const std::size_t column = i % parity::kColumns;
        (column == 5 || column == 6) && std::isnan(filled.values[i]))
      filled.values[i] = 0;
  for (const auto& [file, bytes] : files) {
    if (!file.ends_with(".model")) continue;
    const std::string name = file.substr(0, file.size() - 6);
    auto model = load_model(bytes);
    ASSERT_TRUE(model) << name << ": " << model.error().message;
    auto scores = (*model)->predict(name.starts_with("one_hot") ? filled : rows);
    ASSERT_TRUE(scores) << name << ": " << scores.error().message;
    parity::expect_same(*scores, files.at(name + ".expected"), name);
  }
}

TEST(CatBoost, Tells_its_kind_as_XGBoost_names_it) {
  const auto files = parity::read_bundle(kBundle);
  auto binary = load_model(files.at("binary.model"));
  EXPECT_EQ((*binary)->objective(), "binary:logistic");
  EXPECT_EQ((*binary)->class_count(), 0u);
  EXPECT_EQ((*load_model(files.at("multiclass.model")))->class_count(), 4u);
}

// Values that CatBoost 1.2.10 writes into splits by one category.
TEST(CatBoost, Knows_a_category_by_its_hash) {
  auto as_written = [](const char* text) { return static_cast<std::int32_t>(hash_category(text)); };
  EXPECT_EQ(as_written("7"), -17943309);
  EXPECT_EQ(as_written("49"), -788200);
  EXPECT_EQ(as_written("1234"), -1848678467);
  EXPECT_EQ(as_written("65535"), 2108729662);
}

// x0 > 0.5 is bit 0, x1 > 2 bit 1 of the leaf's number.
std::string small_model(const std::string& leaves = "[1,10,100,1000]",
                        const std::string& split = R"("split_type":"FloatFeature",
                            "float_feature_index":1,"border":2)",
                        const std::string& loss = "RMSE", const std::string& bias = "[0]") {
  return R"({"features_info":{"float_features":[
      {"flat_feature_index":0,"nan_value_treatment":"AsFalse"},
      {"flat_feature_index":1,"nan_value_treatment":"AsTrue"}],
      "categorical_features":[{"flat_feature_index":2}]},
      "model_info":{"params":{"loss_function":{"type":")" +
         loss + R"("}}},"oblivious_trees":[{"leaf_values":)" + leaves +
         R"(,"splits":[{"split_type":"FloatFeature","float_feature_index":0,"border":0.5},{)" +
         split + R"(}]}],"scale_and_bias":[1,)" + bias + "]}";
}

TEST(CatBoost, Walks_its_tree) {
  auto model = load_model(small_model());
  ASSERT_TRUE(model) << model.error().message;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto scores =
      (*model)->predict({5, 3, {0.5f, 2, 0, 0.6f, 2, 0, 0.5f, 3, 0, 1, 3, 0, nan, nan, 0}});
  ASSERT_TRUE(scores);
  EXPECT_EQ(scores->values, (std::vector<float>{1, 10, 100, 1000, 100}));
}

TEST(CatBoost, Refuses_what_it_cannot_read_and_says_why) {
  EXPECT_THAT(refuse_binary().error().message, HasSubstr("format=\"json\""));
  auto message = [](const std::string& text) {
    auto model = load_model(text);
    return model ? std::string() : model.error().message;
  };
  EXPECT_THAT(message("{"), HasSubstr("JSON"));
  EXPECT_THAT(message("{}"), HasSubstr("loss function"));
  EXPECT_THAT(message(small_model("[1,2,3]")), HasSubstr("tree 0: leaf_values do not fit"));
  EXPECT_THAT(message(small_model("[1,2,3,\"x\"]")), HasSubstr("not a number"));
  EXPECT_THAT(message(small_model("[1,2,3,4]", R"("split_type":"OnlineCtr")")),
              HasSubstr("one_hot_max_size"));
  EXPECT_THAT(message(small_model("[1,2,3,4]", R"("split_type":"FloatFeature",
      "float_feature_index":2,"border":1)")),
              HasSubstr("no feature"));
  EXPECT_THAT(message(small_model("[1,2,3,4]", R"("split_type":"OneHotFeature",
      "cat_feature_index":0,"value":12345)")),
              HasSubstr("whole number"));
  EXPECT_THAT(message(small_model("[1,2,3,4]", R"("split_type":"OneHotFeature",
      "cat_feature_index":0,"value":1e300)")),
              HasSubstr("not a hash"));
  EXPECT_THAT(message(small_model("[1,2,3,4]", R"("split_type":"FloatFeature",
      "float_feature_index":1,"border":2)",
                                  "RMSEWithUncertainty")),
              HasSubstr("RMSEWith"));
  EXPECT_THAT(message(small_model("[1,2,3,4]", R"("split_type":"FloatFeature",
      "float_feature_index":1,"border":2)",
                                  "RMSE", "[]")),
              HasSubstr("scale_and_bias"));
}

}  // namespace
}  // namespace tidemill::infer::catboost
