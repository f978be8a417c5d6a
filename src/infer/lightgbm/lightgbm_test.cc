#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer/lightgbm/text_model.h"
#include "infer/testdata/parity.h"

namespace tidemill::infer::lightgbm {
namespace {

using ::testing::HasSubstr;

Result<std::unique_ptr<Model>> load_case(const std::map<std::string, std::string>& files,
                                         const std::string& name) {
  return load_model(files.at(name + ".model"));
}

void expect_parity(const std::string& bundle, std::size_t cases) {
  const auto files = parity::read_bundle(bundle);
  EXPECT_EQ(files.size(), cases * 2);
  Matrix rows = parity::make_rows();
  parity::make_wild(rows);
  for (const auto& [name, bytes] : files) {
    if (!name.ends_with(".model")) continue;
    const std::string one = bundle + "/" + name.substr(0, name.size() - 6);
    auto model = load_model(bytes);
    ASSERT_TRUE(model) << one << ": " << model.error().message;
    EXPECT_EQ((*model)->feature_count(), parity::kColumns);
    auto scores = (*model)->predict(rows);
    ASSERT_TRUE(scores) << one << ": " << scores.error().message;
    parity::expect_same(*scores, files.at(name.substr(0, name.size() - 6) + ".expected"), one);
  }
}

TEST(LightGbm, Predicts_what_LightGBM_4_does) { expect_parity("lightgbm-4.7.0.zip", 23); }
TEST(LightGbm, Predicts_what_LightGBM_3_does) { expect_parity("lightgbm-3.3.5.zip", 4); }
TEST(LightGbm, Predicts_what_LightGBM_2_does) { expect_parity("lightgbm-2.2.3.zip", 6); }

TEST(LightGbm, Tells_its_kind_as_XGBoost_names_it) {
  const auto files = parity::read_bundle("lightgbm-4.7.0.zip");
  EXPECT_EQ((*load_case(files, "binary"))->objective(), "binary:logistic");
  EXPECT_EQ((*load_case(files, "binary"))->class_count(), 0u);
  EXPECT_EQ((*load_case(files, "multiclass"))->objective(), "multi:softprob");
  EXPECT_EQ((*load_case(files, "multiclass"))->class_count(), 4u);
  EXPECT_EQ((*load_case(files, "poisson"))->objective(), "count:poisson");
}

TEST(LightGbm, Wrong_width_says_both_numbers) {
  auto model = load_case(parity::read_bundle("lightgbm-4.7.0.zip"), "regression");
  ASSERT_TRUE(model);
  auto scores = (*model)->predict({1, 2, {0.1f, 0}});
  ASSERT_FALSE(scores);
  EXPECT_EQ(scores.error().http_status, 400);
  EXPECT_THAT(scores.error().message, HasSubstr("has 2 features"));
  EXPECT_THAT(scores.error().message, HasSubstr("with 8"));
}

// x0 <= 0.5 ? 1 : (x1 <= 2 ? 10 : 20)
std::string small_model(const std::string& line = "", const std::string& instead = "") {
  std::string text =
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
      "max_feature_idx=1\nobjective=regression\nfeature_names=a b\n\n"
      "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nthreshold=0.5 2\n"
      "decision_type=10 8\nleft_child=-1 -2\nright_child=1 -3\nleaf_value=1 10 20\n"
      "shrinkage=1\n\n\nend of trees\n";
  if (const std::size_t at = line.empty() ? std::string::npos : text.find("\n" + line + "=");
      at != std::string::npos) {
    const std::size_t end = text.find('\n', at + 1);
    text.replace(at + 1, end - at - 1, instead);
  }
  return text;
}

TEST(LightGbm, Walks_its_tree) {
  auto model = load_model(small_model());
  ASSERT_TRUE(model) << model.error().message;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto scores = (*model)->predict({5, 2, {0.5f, 0, 0.6f, 2, 0.6f, 3, nan, 3, 1, nan}});
  ASSERT_TRUE(scores);
  EXPECT_EQ(scores->values, (std::vector<float>{1, 10, 20, 1, 20}));
}

TEST(LightGbm, Refuses_what_it_cannot_read_and_says_why) {
  EXPECT_THAT(load_model("treehouse\n").error().message, HasSubstr("not a LightGBM"));
  EXPECT_THAT(load_model(small_model("version", "version=v9")).error().message, HasSubstr("v9"));
  EXPECT_THAT(load_model(small_model("objective", "objective=magic")).error().message,
              HasSubstr("'magic'"));
  EXPECT_THAT(load_model(small_model("threshold", "threshold=0.5")).error().message,
              HasSubstr("tree 0: threshold has 1 numbers, not 2"));
  EXPECT_THAT(load_model(small_model("leaf_value", "leaf_value=1 x 20")).error().message,
              HasSubstr("'x'"));
  const std::string whole = small_model();
  EXPECT_THAT(load_model(whole.substr(0, whole.size() - 20)).error().message, HasSubstr("cut off"));
}

TEST(LightGbm, Refuses_trees_that_would_read_outside_or_never_end) {
  for (const auto& [line, instead] : std::initializer_list<std::pair<const char*, const char*>>{
           {"right_child", "right_child=0 -3"},
           {"right_child", "right_child=1 1"},
           {"right_child", "right_child=7 -3"},
           {"left_child", "left_child=-9 -2"},
           {"left_child", "left_child=-2147483648 -2"},
           {"split_feature", "split_feature=0 2"},
           {"split_feature", "split_feature=-1 0"},
           {"decision_type", "decision_type=1 8"},
           {"decision_type", "decision_type=14 8"},
           {"threshold", "threshold=nan 1"},
           {"num_leaves", "num_leaves=0"},
           {"num_leaves", "num_leaves=18446744073709551615"},
           {"num_leaves", "num_leaves=8000000"},
           {"num_cat", "num_cat=1\ncat_boundaries=0 4294967295\ncat_threshold=1"},
           {"num_cat", "num_cat=1\ncat_boundaries=2 1\ncat_threshold=1"},
           {"max_feature_idx", "max_feature_idx=18446744073709551615"},
           {"num_class", "num_class=1000000000"},
           {"num_tree_per_iteration", "num_tree_per_iteration=0"},
           {"num_tree_per_iteration", "num_tree_per_iteration=2"}})
    EXPECT_FALSE(load_model(small_model(line, instead))) << instead;
}

}  // namespace
}  // namespace tidemill::infer::lightgbm
