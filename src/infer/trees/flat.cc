#include "infer/trees/flat.h"

#include <algorithm>
#include <cmath>

#include "infer/trees/thresholds.h"

namespace tidemill::infer::trees {
namespace {

bool set_has(const FlatSet& set, const std::uint32_t* words, float value) {
  if (!(value > -1.0f && value < static_cast<float>(set.words) * 32.0f)) return false;
  const auto category = static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
  return (words[set.first_word + category / 32] >> (category % 32) & 1) != 0;
}

inline std::uint32_t step_plain(const FlatNode& node, float value) {
  const bool missing_left = (node.feature_and_flags & kMissingLeft) != 0;
  const bool left = std::isnan(value) ? missing_left : !(value >= node.threshold);
  return left ? node.left : node.right;
}

template <class T>
std::uint32_t step_any(const FlatForest<T>& forest, const FlatNode& node, float value) {
  const std::uint32_t flags = node.feature_and_flags;
  if ((flags & kNanIsZero) && std::isnan(value)) value = 0;
  bool left;
  if (std::isnan(value) || ((flags & kZeroIsMissing) && std::abs(value) <= kZeroSizeMax))
    left = (flags & kMissingLeft) != 0;
  else if (flags & kInSet)
    left = set_has(forest.sets[node.set], forest.set_words.data(), value);
  else
    left = !(value >= node.threshold);
  return left ? node.left : node.right;
}

template <class T>
T leaf_value(const FlatForest<T>& forest, const FlatTree& tree, std::uint32_t leaf,
             const float* row) {
  if (tree.linear == 0) return forest.leaves[leaf];
  const auto& linear = forest.linear_forests[tree.linear - 1];
  const LinearLeaf& terms = linear.leaves[leaf - linear.first_leaf];
  double sum = terms.constant;
  for (std::size_t i = 0; i < terms.features.size(); ++i) {
    const float value = row[terms.features[i]];
    if (std::isnan(value)) return forest.leaves[leaf];
    sum += terms.coefficients[i] * static_cast<double>(value);
  }
  return static_cast<T>(sum);
}

}  // namespace

bool is_plain(const Tree& tree) {
  return tree.linear_leaves.empty() && std::ranges::all_of(tree.nodes, [](const Node& node) {
           return node.kind == NodeKind::leaf ||
                  (node.kind != NodeKind::in_set && node.missing == Missing::nan);
         });
}

template <class T>
void FlatForest<T>::add_leaves(const Tree& tree) {
  for (double value : tree.leaf_values) {
    T leaf = static_cast<T>(value);
    if (tree.weight != 1) leaf *= static_cast<T>(tree.weight);
    leaves.push_back(leaf);
  }
}

template <class T>
void FlatForest<T>::add(const Tree& tree) {
  FlatTree flat;
  const auto root = static_cast<std::uint32_t>(nodes.size());
  const auto first_leaf = static_cast<std::uint32_t>(leaves.size());
  const auto first_set = static_cast<std::uint32_t>(sets.size());
  flat.root = root;
  flat.output = tree.output;
  flat.leaf_width = tree.leaf_width;
  flat.plain = is_plain(tree);
  for (const Node& node : tree.nodes) {
    FlatNode out{};
    if (node.kind == NodeKind::leaf) {
      out.leaf = first_leaf + node.leaf * tree.leaf_width;
      out.left = out.right = static_cast<std::uint32_t>(nodes.size());
    } else {
      out.feature_and_flags = node.feature;
      if (node.missing_left) out.feature_and_flags |= kMissingLeft;
      if (node.missing == Missing::nan_or_zero) out.feature_and_flags |= kZeroIsMissing;
      if (node.missing == Missing::none) out.feature_and_flags |= kNanIsZero;
      if (node.kind == NodeKind::in_set) {
        out.feature_and_flags |= kInSet;
        out.set = first_set + node.categories;
      } else {
        out.threshold = float_threshold(node);
      }
      out.left = root + static_cast<std::uint32_t>(node.left);
      out.right = root + static_cast<std::uint32_t>(node.right);
    }
    nodes.push_back(out);
  }
  add_leaves(tree);
  for (const std::vector<std::uint32_t>& set : tree.category_sets) {
    sets.push_back(
        {static_cast<std::uint32_t>(set_words.size()), static_cast<std::uint32_t>(set.size())});
    set_words.insert(set_words.end(), set.begin(), set.end());
  }
  if (!tree.linear_leaves.empty()) {
    Linear linear{first_leaf, tree.linear_leaves};
    for (LinearLeaf& leaf : linear.leaves) {
      leaf.constant *= tree.weight;
      for (double& coefficient : leaf.coefficients) coefficient *= tree.weight;
    }
    linear_forests.push_back(std::move(linear));
    flat.linear = static_cast<std::uint32_t>(linear_forests.size());
  }
  trees.push_back(flat);
}

template <class T>
template <bool kPlain>
void FlatForest<T>::walk_lanes(std::uint32_t* at, const float* row) const {
  // Leaves lead to themselves: all leaves are reached when nothing moves.
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t lane = 0; lane < kWalkLanes; ++lane) {
      const FlatNode& node = nodes[at[lane]];
      const float value = row[node.feature_and_flags & kFeatureMask];
      const std::uint32_t next = kPlain ? step_plain(node, value) : step_any(*this, node, value);
      moved |= next != at[lane];
      at[lane] = next;
    }
  }
}

template <class T>
void FlatForest<T>::walk(std::uint32_t* at, std::size_t count, bool plain, const float* row) const {
  for (std::size_t first = 0; first < count; first += kWalkLanes) {
    const std::size_t lanes = std::min(kWalkLanes, count - first);
    std::uint32_t lane_at[kWalkLanes];
    for (std::size_t lane = 0; lane < kWalkLanes; ++lane)
      lane_at[lane] = at[first + std::min(lane, lanes - 1)];
    plain ? walk_lanes<true>(lane_at, row) : walk_lanes<false>(lane_at, row);
    for (std::size_t lane = 0; lane < lanes; ++lane) at[first + lane] = nodes[lane_at[lane]].leaf;
  }
}

template <class T>
void FlatForest<T>::add_trees(std::size_t begin, std::size_t end, const float* row, T* sums) const {
  for (std::size_t first = begin; first < end; first += kWalkLanes) {
    const std::size_t lanes = std::min(kWalkLanes, end - first);
    std::uint32_t at[kWalkLanes];
    bool plain = true;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      at[lane] = trees[first + lane].root;
      plain &= trees[first + lane].plain;
    }
    walk(at, lanes, plain, row);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const FlatTree& tree = trees[first + lane];
      T* out = sums + tree.output;
      if (tree.leaf_width == 1) {
        *out += leaf_value(*this, tree, at[lane], row);
      } else {
        for (std::uint32_t i = 0; i < tree.leaf_width; ++i) out[i] += leaves[at[lane] + i];
      }
    }
  }
}

template <class T>
std::size_t FlatForest<T>::memory_bytes() const {
  std::size_t bytes = nodes.capacity() * sizeof(FlatNode) + trees.capacity() * sizeof(FlatTree) +
                      leaves.capacity() * sizeof(T) + sets.capacity() * sizeof(FlatSet) +
                      set_words.capacity() * sizeof(std::uint32_t);
  for (const Linear& linear : linear_forests)
    for (const LinearLeaf& leaf : linear.leaves)
      bytes += sizeof leaf + leaf.features.capacity() * sizeof(std::uint32_t) +
               leaf.coefficients.capacity() * sizeof(double);
  return bytes;
}

template struct FlatForest<float>;
template struct FlatForest<double>;

}  // namespace tidemill::infer::trees
