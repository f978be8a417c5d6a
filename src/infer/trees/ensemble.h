// The neutral form of trees that all loaders give to the kernel (XGBoost, LightGBM, CatBoost,
// scikit-learn and ONNX-ML), so that none of them needs its own predictor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::infer::trees {

// How a split compares its feature's value, and which values count as missing.
enum class NodeKind : std::uint8_t {
  leaf,
  less,        // goes left when value < threshold (XGBoost)
  less_equal,  // goes left when value <= threshold (LightGBM, scikit-learn)
  in_set,      // goes left when the value, cut to an integer, is in the category set
};
enum class Missing : std::uint8_t {
  nan,          // NaN goes to missing_left's side
  nan_or_zero,  // so do values of at most 1e-35 in size (LightGBM's missing_type Zero)
  none,         // NaN is compared as 0 (LightGBM's missing_type None)
};

struct Node {
  NodeKind kind = NodeKind::leaf;
  Missing missing = Missing::nan;
  bool missing_left = false;
  std::uint32_t feature = 0;
  // Thresholds are doubles, since LightGBM's are; rows are floats. For a float x and a double t,
  // x <= t exactly when x <= the largest float that is not above t.
  double threshold = 0;
  std::uint32_t categories = 0;        // in_set: the index into Tree::category_sets
  std::int32_t left = -1, right = -1;  // in the same tree, each after its parent
  std::uint32_t leaf = 0;              // leaf: its values begin at leaf * leaf_width
};

// A leaf whose value is a linear function of the row (LightGBM's linear_tree). A row without one of
// its features gets the leaf's plain value instead.
struct LinearLeaf {
  double constant = 0;
  std::vector<std::uint32_t> features;
  std::vector<double> coefficients;
};

struct Tree {
  std::vector<Node> nodes;  // nodes[0] is the root
  std::vector<double> leaf_values;
  std::uint32_t leaf_width =
      1;  // values a leaf: they go to outputs output .. output + leaf_width-1
  std::uint32_t output = 0;
  double weight = 1;                                      // DART
  std::vector<std::vector<std::uint32_t>> category_sets;  // bitsets, 32 categories a word
  std::vector<LinearLeaf> linear_leaves;                  // empty, or one a leaf
};

// Sums of the trees' leaves, one margin per output. The model transforms margins (sigmoid,
// softmax).
struct Ensemble {
  std::size_t feature_count = 0;
  std::size_t output_count = 1;
  std::vector<double> base;  // initial margins, one per output
  std::vector<Tree> trees;   // in the order of the library's summation
  // Forests: the sum of the leaves is divided by the number of trees of its output, then base is
  // added.
  bool average = false;
  bool base_last = false;  // base is added after the leaves, not before: for the same last bit
  // XGBoost sums in float, LightGBM, scikit-learn and ONNX-ML's double form in double: the kernel
  // follows, for the same last bit.
  bool sum_in_double = false;
};

// Bounds against hostile files; a loader refuses what is larger.
inline constexpr std::size_t kTreesMax = 1u << 20;
inline constexpr std::size_t kNodesPerTreeMax = 1u << 24;
inline constexpr std::size_t kNodesMax = 1u << 28;
inline constexpr std::size_t kValuesMax = 1u << 30;  // of leaves, and words of category sets
inline constexpr std::size_t kOutputsMax = 4096;
inline constexpr std::size_t kFeaturesMax = 1u << 20;

// Tidemill.Invalid naming the tree and node when a child does not come after its parent; when a
// feature, leaf, category set or output is out of range; or beyond a limit above. Every walk of a
// checked ensemble ends.
Result<void> check_ensemble(const Ensemble& ensemble);

}  // namespace tidemill::infer::trees
