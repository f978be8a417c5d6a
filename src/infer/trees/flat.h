// An ensemble as arrays for walks node by node: the scalar path, and on every path the trees that
// vectors cannot handle (categorical splits, linear leaves, deep trees).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "infer/trees/ensemble.h"

namespace tidemill::infer::trees {

struct FlatNode {
  union {
    float threshold;     // left when !(x >= threshold)
    std::uint32_t leaf;  // the index of its first value in FlatForest::leaves
    std::uint32_t set;   // the index in FlatForest::sets
  };
  std::uint32_t feature_and_flags;
  std::uint32_t left, right;  // a leaf: both are the node itself
};
// Trees walked side by side, so that one's loads hide the others'.
inline constexpr std::size_t kWalkLanes = 8;
inline constexpr std::uint32_t kFeatureMask = kFeaturesMax - 1;
inline constexpr std::uint32_t kMissingLeft = 1u << 31;
inline constexpr std::uint32_t kInSet = 1u << 30;
inline constexpr std::uint32_t kZeroIsMissing = 1u << 29;
inline constexpr std::uint32_t kNanIsZero = 1u << 28;
static_assert((kFeatureMask & (kMissingLeft | kInSet | kZeroIsMissing | kNanIsZero)) == 0);

struct FlatTree {
  std::uint32_t root = 0;
  std::uint32_t output = 0;
  std::uint32_t leaf_width = 1;
  std::uint32_t linear = 0;  // 1 + the index in linear_forests, 0: none
  bool plain = true;         // numeric splits with Missing::nan only
};

struct FlatSet {
  std::uint32_t first_word, words;
};

// T: the type of the sums.
template <class T>
struct FlatForest {
  std::vector<FlatNode> nodes;
  std::vector<FlatTree> trees;
  std::vector<T> leaves;  // weights of DART are in them
  std::vector<FlatSet> sets;
  std::vector<std::uint32_t> set_words;
  struct Linear {
    std::uint32_t first_leaf;  // the leaf value of linear[0]
    std::vector<LinearLeaf> leaves;
  };
  std::vector<Linear> linear_forests;

  // The tree must be from a checked ensemble.
  void add(const Tree& tree);
  void add_leaves(const Tree& tree);
  // Replaces each node in `at` by the index of the leaf where its walk ends. `plain`: of all trees.
  void walk(std::uint32_t* at, std::size_t count, bool plain, const float* row) const;
  // Walks the trees [begin, end) and adds their leaves, in order, to sums[output].
  void add_trees(std::size_t begin, std::size_t end, const float* row, T* sums) const;
  std::size_t memory_bytes() const;

 private:
  template <bool kPlain>
  void walk_lanes(std::uint32_t* at, const float* row) const;
};

extern template struct FlatForest<float>;
extern template struct FlatForest<double>;

// Whether every split is numeric with Missing::nan and every leaf a constant.
bool is_plain(const Tree& tree);

}  // namespace tidemill::infer::trees
