#include "infer/trees/kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "infer/trees/test_nodes.h"
#include "infer/trees/transform.h"

namespace tidemill::infer::trees {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// x0 < 2 ? 1 : (x1 < 5 ? 10 : 20); missing x0 goes right, missing x1 left.
Ensemble two_splits() {
  Ensemble ensemble;
  ensemble.feature_count = 2;
  ensemble.base = {0.5};
  Tree tree;
  tree.nodes = {split(NodeKind::less, 0, 2, 1, 2), leaf(0), split(NodeKind::less, 1, 5, 3, 4, true),
                leaf(1), leaf(2)};
  tree.leaf_values = {1, 10, 20};
  ensemble.trees = {tree};
  return ensemble;
}

// A stump whose left leaf is 1 and whose right leaf is 2.
Ensemble stump(Node node) {
  Ensemble ensemble;
  ensemble.feature_count = 1;
  ensemble.base = {0};
  Tree tree;
  node.left = 1;
  node.right = 2;
  tree.nodes = {node, leaf(0), leaf(1)};
  tree.leaf_values = {1, 2};
  ensemble.trees = {tree};
  return ensemble;
}

class KernelPaths : public ::testing::TestWithParam<Path> {
 protected:
  void SetUp() override {
    if (!path_available(GetParam())) GTEST_SKIP() << "this CPU has no " << path_name(GetParam());
  }
  std::unique_ptr<const Kernel> make(const Ensemble& ensemble) {
    auto kernel = compile(ensemble, {GetParam()});
    EXPECT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ((*kernel)->path(), GetParam());
    return std::move(*kernel);
  }
  float predict(const Ensemble& ensemble, std::vector<float> row) {
    float out = 0;
    make(ensemble)->predict(row.data(), 1, row.size(), &out);
    return out;
  }
};

TEST_P(KernelPaths, Walk_by_thresholds_and_default_directions) {
  const Ensemble ensemble = two_splits();
  EXPECT_EQ(predict(ensemble, {1, 0}), 1.5f);
  EXPECT_EQ(predict(ensemble, {2, 0}), 10.5f);  // not below the threshold: right
  EXPECT_EQ(predict(ensemble, {3, 5}), 20.5f);
  EXPECT_EQ(predict(ensemble, {kNan, 7}), 20.5f);
  EXPECT_EQ(predict(ensemble, {9, kNan}), 10.5f);
}

TEST_P(KernelPaths, Thresholds_of_doubles_compare_exactly_with_floats) {
  const double tenth = 0.1;  // below the float nearest to it
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, tenth, 0, 0)), {0.1f}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, tenth, 0, 0)), {0.1f}), 2);
  const float before = std::nextafter(0.1f, 0.0f);
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, tenth, 0, 0)), {before}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, 0.5, 0, 0)), {0.5f}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, 0.5, 0, 0)), {0.5f}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, 0.0, 0, 0)), {-0.0f}), 1);
}

TEST_P(KernelPaths, Infinite_thresholds_and_values) {
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, kInf, 0, 0)), {kInf}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, kInf, 0, 0)), {kInf}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, kInf, 0, 0)), {1e38f}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, 1e300, 0, 0)), {kInf}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, 1e300, 0, 0)), {kInf}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, -kInf, 0, 0)), {-kInf}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, -kInf, 0, 0)), {-kInf}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, -kInf, 0, 0, true)), {kNan}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, kNan, 0, 0)), {1}), 2);
  EXPECT_EQ(predict(stump(split(NodeKind::less, 0, kNan, 0, 0, true)), {kNan}), 1);
  EXPECT_EQ(predict(stump(split(NodeKind::less_equal, 0, kInf, 0, 0)), {kNan}), 2);
}

TEST_P(KernelPaths, What_counts_as_missing) {
  const Node zero = split(NodeKind::less, 0, -1, 0, 0, true, Missing::nan_or_zero);
  EXPECT_EQ(predict(stump(zero), {0}), 1);
  EXPECT_EQ(predict(stump(zero), {1e-36f}), 1);
  EXPECT_EQ(predict(stump(zero), {1e-34f}), 2);
  EXPECT_EQ(predict(stump(zero), {kNan}), 1);
  const Node none = split(NodeKind::less, 0, 0.5, 0, 0, false, Missing::none);
  EXPECT_EQ(predict(stump(none), {kNan}), 1);  // as 0
  EXPECT_EQ(predict(stump(none), {1}), 2);
}

TEST_P(KernelPaths, Category_sets) {
  Ensemble ensemble = stump(split(NodeKind::in_set, 0, 0, 0, 0, true));
  ensemble.trees[0].category_sets = {{0b101u, 1u << 31}};
  for (float value : {0.0f, 2.0f, 2.9f, 63.0f, kNan}) EXPECT_EQ(predict(ensemble, {value}), 1);
  for (float value : {1.0f, 62.0f, 64.0f, -1.0f, 1e30f, kInf, -kInf})
    EXPECT_EQ(predict(ensemble, {value}), 2);
}

TEST_P(KernelPaths, Linear_leaves_and_their_plain_value_for_rows_that_lack_a_feature) {
  Ensemble ensemble = two_splits();
  ensemble.trees[0].linear_leaves = {{3, {0, 1}, {2, -1}}, {7, {}, {}}, {1, {1}, {0.5}}};
  EXPECT_EQ(predict(ensemble, {1, 4}), 0.5f + 3 + 2 - 4);
  EXPECT_EQ(predict(ensemble, {1, kNan}), 1.5f);
  EXPECT_EQ(predict(ensemble, {3, 4}), 7.5f);
  EXPECT_EQ(predict(ensemble, {3, 6}), 4.5f);
}

TEST_P(KernelPaths, Outputs_weights_averages) {
  Ensemble ensemble = two_splits();
  ensemble.output_count = 2;
  ensemble.base = {0.5, -1};
  ensemble.trees.push_back(ensemble.trees[0]);
  ensemble.trees[1].output = 1;
  ensemble.trees[1].weight = 0.25;
  ensemble.trees.push_back(ensemble.trees[0]);
  const float rows[] = {1, 0, 0, 3, 6, 0};  // a stride of three
  std::vector<float> out(4);
  make(ensemble)->predict(rows, 2, 3, out.data());
  EXPECT_THAT(out, ElementsAre(2.5f, -0.75f, 40.5f, 4.0f));
  ensemble.average = true;
  make(ensemble)->predict(rows, 2, 3, out.data());
  EXPECT_THAT(out, ElementsAre(1.5f, -0.75f, 20.5f, 4.0f));
}

TEST_P(KernelPaths, Vector_leaves) {
  Ensemble ensemble = two_splits();
  ensemble.output_count = 3;
  ensemble.base = {0, 100, 200};
  ensemble.trees[0].leaf_width = 2;
  ensemble.trees[0].output = 1;
  ensemble.trees[0].leaf_values = {1, 2, 3, 4, 5, 6};
  const float row[] = {3, 1};
  std::vector<double> out(3);
  make(ensemble)->predict(row, 1, 2, out.data());
  EXPECT_THAT(out, ElementsAre(0, 103, 204));
}

TEST_P(KernelPaths, Sums_in_the_type_and_order_of_the_library) {
  Ensemble ensemble;
  ensemble.feature_count = 1;
  ensemble.base = {1e8};
  for (double value : {1.0, 1.0, 1.0, -1e8}) {
    Tree tree;
    tree.nodes = {leaf(0)};
    tree.leaf_values = {value};
    ensemble.trees.push_back(tree);
  }
  EXPECT_EQ(predict(ensemble, {0}), 0);  // in float 1e8 + 1 is 1e8
  ensemble.sum_in_double = true;
  EXPECT_EQ(predict(ensemble, {0}), 3);
  ensemble.sum_in_double = false;
  ensemble.base_last = true;
  EXPECT_EQ(predict(ensemble, {0}), 0);
  ensemble.base = {1};
  ensemble.trees.resize(2);
  EXPECT_EQ(predict(ensemble, {0}), 3);
}

INSTANTIATE_TEST_SUITE_P(All, KernelPaths,
                         ::testing::Values(Path::scalar, Path::avx2, Path::avx512),
                         [](const auto& each) { return path_name(each.param); });

TEST(CheckEnsemble, Refuses_trees_that_would_read_outside_or_never_end) {
  EXPECT_TRUE(check_ensemble(two_splits()));
  const std::pair<const char*, std::function<void(Ensemble&)>> cases[] = {
      {"child", [](Ensemble& it) { it.trees[0].nodes[2].left = 2; }},
      {"child", [](Ensemble& it) { it.trees[0].nodes[2].right = 5; }},
      {"child", [](Ensemble& it) { it.trees[0].nodes[0].left = -1; }},
      {"feature", [](Ensemble& it) { it.trees[0].nodes[0].feature = 2; }},
      {"leaf", [](Ensemble& it) { it.trees[0].nodes[1].leaf = 3; }},
      {"outputs", [](Ensemble& it) { it.trees[0].output = 1; }},
      {"outputs", [](Ensemble& it) { it.trees[0].leaf_width = 2; }},
      {"outputs", [](Ensemble& it) { it.trees[0].leaf_width = 0; }},
      {"category", [](Ensemble& it) { it.trees[0].nodes[0].kind = NodeKind::in_set; }},
      {"no nodes", [](Ensemble& it) { it.trees[0].nodes.clear(); }},
      {"linear", [](Ensemble& it) { it.trees[0].linear_leaves.resize(2); }},
      {"base", [](Ensemble& it) { it.base.clear(); }},
      {"no features", [](Ensemble& it) { it.feature_count = 0; }},
      {"features", [](Ensemble& it) { it.feature_count = kFeaturesMax + 1; }},
      {"outputs", [](Ensemble& it) { it.output_count = kOutputsMax + 1; }},
  };
  for (const auto& [reason, damage] : cases) {
    Ensemble ensemble = two_splits();
    damage(ensemble);
    auto checked = check_ensemble(ensemble);
    ASSERT_FALSE(checked) << reason;
    EXPECT_THAT(checked.error().message, HasSubstr(reason));
  }
}

TEST(Transforms, Known_values) {
  auto one = [](Transform transform, double x, double scale = 1) {
    double out = 0;
    apply_transform(transform, &x, 1, &out, scale);
    return out;
  };
  EXPECT_DOUBLE_EQ(one(Transform::sigmoid, std::log(3.0)), 0.75);
  EXPECT_DOUBLE_EQ(one(Transform::sigmoid, std::log(3.0) / 2, 2), 0.75);
  EXPECT_EQ(one(Transform::sigmoid, -1e4), 0);
  EXPECT_DOUBLE_EQ(one(Transform::exponential, 1), M_E);
  EXPECT_DOUBLE_EQ(one(Transform::softplus, 0), M_LN2);
  EXPECT_EQ(one(Transform::softplus, 1000), 1000);
  EXPECT_EQ(one(Transform::signed_square, -3), -9);
  EXPECT_EQ(one(Transform::step, 0), 0);
  EXPECT_EQ(one(Transform::step, 0.1), 1);
  EXPECT_NEAR(one(Transform::probit, 0.975), 1.959963984540054, 1e-12);  // a table's quantile
  EXPECT_NEAR(one(Transform::probit, 0.001), -3.090232306167813, 1e-12);
  EXPECT_EQ(one(Transform::probit, 1), kInf);
  const float margins[] = {0, std::log(2.0f), std::log(5.0f)};
  float out[3];
  apply_transform(Transform::softmax, margins, 3, out);
  EXPECT_FLOAT_EQ(out[0], 0.125f);
  EXPECT_FLOAT_EQ(out[2], 0.625f);
  apply_transform(Transform::arg_max, margins, 3, out);
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(transformed_columns(Transform::arg_max, 3), 1u);
  apply_transform(Transform::softmax_zero, margins, 3, out);
  EXPECT_EQ(out[0], 0);
}

}  // namespace
}  // namespace tidemill::infer::trees
