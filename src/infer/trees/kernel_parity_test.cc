// Compares every path with a walk of the neutral form, independent of layouts, on random ensembles
// of many shapes: the same sums, bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "infer/trees/kernel.h"

namespace tidemill::infer::trees {
namespace {

struct Shape {
  const char* name;
  std::size_t features, trees, depth;
  std::size_t outputs = 1;
  std::uint32_t leaf_width = 1;
  int thresholds = 100;      // distinct values a feature
  double leaf_chance = 0.1;  // that a branch ends early
  double set_chance = 0;     // categorical splits
  bool all_kinds = false;    // of comparisons and missing values
  bool in_double = false;
  bool linear = false;
};

class Maker {
 public:
  Maker(const Shape& shape, unsigned seed) : shape_(shape), random_(seed) {}

  Ensemble ensemble() {
    Ensemble out;
    out.feature_count = shape_.features;
    out.output_count = shape_.outputs;
    out.sum_in_double = shape_.in_double;
    for (std::size_t i = 0; i < shape_.outputs; ++i) out.base.push_back(real() - 0.5);
    for (std::size_t i = 0; i < shape_.trees; ++i) {
      Tree tree;
      tree.leaf_width = shape_.leaf_width;
      tree.output = shape_.leaf_width > 1 ? below(shape_.outputs - shape_.leaf_width + 1)
                                          : static_cast<std::uint32_t>(i % shape_.outputs);
      if (i % 5 == 4) tree.weight = 0.3;
      if (i % 7 != 6)
        grow(tree, shape_.depth);
      else
        grow(tree, below(3));
      if (shape_.linear && i % 2) add_linear(tree);
      out.trees.push_back(std::move(tree));
    }
    return out;
  }

  std::vector<float> rows(std::size_t count) {
    std::vector<float> out;
    const float inf = std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < count * shape_.features; ++i) {
      const double kind = real();
      out.push_back(kind < 0.1    ? NAN
                    : kind < 0.12 ? inf
                    : kind < 0.14 ? -inf
                    : kind < 0.2  ? 0.0f
                    : kind < 0.6  ? static_cast<float>(threshold())
                                  : static_cast<float>(real() * 2 - 1));
    }
    return out;
  }

 private:
  double real() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  std::uint32_t below(std::size_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  double threshold() {
    return (below(static_cast<std::size_t>(shape_.thresholds)) + 0.5) / shape_.thresholds * 2 - 1;
  }

  std::int32_t grow(Tree& tree, std::size_t depth) {
    const std::size_t index = tree.nodes.size();
    tree.nodes.emplace_back();
    if (depth == 0 || real() < shape_.leaf_chance) {
      tree.nodes[index].leaf =
          static_cast<std::uint32_t>(tree.leaf_values.size() / tree.leaf_width);
      for (std::uint32_t i = 0; i < tree.leaf_width; ++i) tree.leaf_values.push_back(real() - 0.5);
      return static_cast<std::int32_t>(index);
    }
    Node node;
    node.kind = shape_.all_kinds && below(2) ? NodeKind::less_equal : NodeKind::less;
    node.feature = below(shape_.features);
    node.threshold = threshold();
    node.missing_left = below(2);
    if (shape_.all_kinds) node.missing = static_cast<Missing>(below(3));
    if (real() < shape_.set_chance) {
      node.kind = NodeKind::in_set;
      node.categories = static_cast<std::uint32_t>(tree.category_sets.size());
      tree.category_sets.push_back({static_cast<std::uint32_t>(random_())});
    }
    node.left = grow(tree, depth - 1);
    node.right = grow(tree, depth - 1);
    tree.nodes[index] = node;
    return static_cast<std::int32_t>(index);
  }

  void add_linear(Tree& tree) {
    for (std::size_t i = 0; i < tree.leaf_values.size(); ++i)
      tree.linear_leaves.push_back({real(), {below(shape_.features)}, {real()}});
  }

  const Shape& shape_;
  std::mt19937 random_;
};

bool goes_left(const Tree& tree, const Node& node, float value) {
  if (node.missing == Missing::none && std::isnan(value)) value = 0;
  if (std::isnan(value)) return node.missing_left;
  if (node.missing == Missing::nan_or_zero && std::abs(value) <= 1e-35f) return node.missing_left;
  if (node.kind == NodeKind::less) return value < node.threshold;
  if (node.kind == NodeKind::less_equal) return value <= node.threshold;
  if (!(value > -1 && value < 32)) return false;
  return tree.category_sets[node.categories][0] >> static_cast<int>(value) & 1;
}

// Works in T, tree by tree, as the libraries do.
template <class T>
std::vector<T> expected_sums(const Ensemble& ensemble, const float* row) {
  std::vector<T> sums(ensemble.base.begin(), ensemble.base.end());
  for (const Tree& tree : ensemble.trees) {
    const Node* node = &tree.nodes[0];
    while (node->kind != NodeKind::leaf)
      node = &tree.nodes[static_cast<std::size_t>(
          goes_left(tree, *node, row[node->feature]) ? node->left : node->right)];
    for (std::uint32_t i = 0; i < tree.leaf_width; ++i) {
      const double leaf = tree.leaf_values[node->leaf * tree.leaf_width + i];
      T value = static_cast<T>(leaf) * static_cast<T>(tree.weight);
      if (!tree.linear_leaves.empty()) {
        const LinearLeaf& linear = tree.linear_leaves[node->leaf];
        const float x = row[linear.features[0]];
        if (!std::isnan(x))
          value = static_cast<T>(linear.constant * tree.weight +
                                 linear.coefficients[0] * tree.weight * x);
      }
      sums[tree.output + i] += value;
    }
  }
  return sums;
}

constexpr Shape kShapes[] = {
    {"shallow", 5, 70, 3},
    {"depth_6", 28, 200, 6},
    {"depth_6_exact_splits", 28, 130, 6, 1, 1, 5000},
    {"depth_8", 28, 100, 8},
    {"depth_8_exact_splits", 20, 90, 8, 1, 1, 3000},
    {"depth_9", 28, 40, 9, 1, 1, 50},
    {"depth_9_exact_splits", 28, 40, 9, 1, 1, 2000, 0.02},
    {"deep", 12, 30, 14, 1, 1, 300, 0.25},
    {"deep_in_two_registers", 50, 40, 12, 1, 1, 60, 0.2},
    {"two_registers", 60, 100, 6},
    {"two_registers_exact_splits", 60, 200, 7, 1, 1, 10000, 0.01},
    {"four_registers", 120, 100, 6},
    {"four_registers_exact_splits", 100, 300, 8, 1, 1, 10000, 0.01},
    {"deepest", 28, 20, 60, 1, 1, 200, 0.47},
    {"deep_exact_splits", 40, 30, 13, 1, 1, 5000, 0.25},
    {"deep_in_four_registers", 120, 20, 11, 1, 1, 60, 0.2},
    {"wide", 500, 300, 6},
    {"wide_exact_splits", 300, 200, 5, 1, 1, 10000, 0.01},
    {"wide_and_deep", 400, 220, 10, 1, 1, 60, 0.35},
    {"wide_classes", 400, 210, 6, 7},
    {"wide_all_kinds", 150, 200, 6, 1, 1, 100, 0.1, 0, true, true},
    {"wide_categories", 110, 160, 6, 1, 1, 100, 0.1, 0.01, true},
    {"wide_vector_leaves", 300, 160, 7, 5, 3, 100, 0.3},
    {"too_wide_for_its_trees", 900, 100, 6},
    {"wide_in_eight_registers", 250, 130, 10, 1, 1, 100, 0.2},
    {"all_kinds", 20, 100, 7, 1, 1, 100, 0.1, 0, true},
    {"all_kinds_exact_splits", 20, 100, 9, 1, 1, 4000, 0.02, 0, true},
    {"categories", 20, 100, 6, 1, 1, 100, 0.1, 0.1, true},
    {"classes", 28, 150, 6, 7},
    {"many_classes", 28, 300, 5, 150},
    {"vector_leaves", 28, 90, 7, 9, 4},
    {"deep_vector_leaves", 28, 30, 13, 3, 2, 100, 0.2, 0.02},
    {"doubles", 28, 130, 6, 1, 1, 100, 0.1, 0, false, true},
    {"deep_doubles", 28, 40, 12, 3, 1, 100, 0.15, 0.05, true, true},
    {"linear", 10, 60, 5, 1, 1, 100, 0.1, 0, true, true, true},
};

class KernelParity : public ::testing::TestWithParam<std::tuple<Shape, Path>> {};

// Infinite terms of linear leaves make NaN.
template <class T>
bool same(T found, T expected) {
  return found == expected || (std::isnan(found) && std::isnan(expected));
}

template <class T>
void expect_parity(const Shape& shape, Path path) {
  Maker maker(shape, 42);
  const Ensemble ensemble = maker.ensemble();
  auto kernel = compile(ensemble, {path});
  ASSERT_TRUE(kernel) << kernel.error().message;
  constexpr std::size_t kRows = 1001;  // no multiple of what is done at once
  const std::vector<float> rows = maker.rows(kRows);
  std::vector<T> batch(kRows * shape.outputs), one(shape.outputs);
  (*kernel)->predict(rows.data(), kRows, shape.features, batch.data());
  for (std::size_t row = 0; row < kRows; ++row) {
    const float* values = rows.data() + row * shape.features;
    const std::vector<T> expected = expected_sums<T>(ensemble, values);
    (*kernel)->predict(values, 1, shape.features, one.data());
    for (std::size_t i = 0; i < shape.outputs; ++i) {
      ASSERT_PRED2(same<T>, batch[row * shape.outputs + i], expected[i])
          << "row " << row << " output " << i;
      ASSERT_PRED2(same<T>, one[i], expected[i]) << "row " << row << " alone, output " << i;
    }
  }
}

TEST_P(KernelParity, Same_bits_as_a_plain_walk) {
  const auto& [shape, path] = GetParam();
  if (!path_available(path)) GTEST_SKIP() << "this CPU has no " << path_name(path);
  shape.in_double ? expect_parity<double>(shape, path) : expect_parity<float>(shape, path);
}

INSTANTIATE_TEST_SUITE_P(Shapes, KernelParity,
                         ::testing::Combine(::testing::ValuesIn(kShapes),
                                            ::testing::Values(Path::scalar, Path::avx2,
                                                              Path::avx512)),
                         [](const auto& each) {
                           return std::string(std::get<0>(each.param).name) + "_" +
                                  path_name(std::get<1>(each.param));
                         });

}  // namespace
}  // namespace tidemill::infer::trees
