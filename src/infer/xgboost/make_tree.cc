#include <algorithm>

#include "infer/xgboost/model_file.h"

namespace tidemill::infer::xgboost {
namespace {

constexpr std::int32_t kCategoryMax = (1 << 24) - 1;  // floats hold no larger integers exactly

std::unexpected<Error> invalid(const char* what) {
  return fail(codes::kInvalid, std::string("a tree ") + what);
}

Result<void> check_sizes(const RawTree& raw) {
  const std::size_t count = raw.left.size();
  if (count == 0 || count > trees::kNodesPerTreeMax) return invalid("has no nodes, or too many");
  if (raw.right.size() != count || raw.features.size() != count ||
      raw.default_left.size() != count || raw.conditions.size() != count ||
      (!raw.split_types.empty() && raw.split_types.size() != count))
    return invalid("has lists that differ in length");
  if (raw.leaf_width == 0 || raw.leaf_width > trees::kOutputsMax)
    return invalid("has leaves of no width, or too wide");
  if (raw.category_starts.size() != raw.category_nodes.size() ||
      raw.category_sizes.size() != raw.category_nodes.size())
    return invalid("has lists of categories that differ in length");
  return {};
}

class Maker {
 public:
  Maker(const RawTree& raw, std::size_t& category_words)
      : raw_(raw), category_words_(category_words) {}

  Result<trees::Tree> make() {
    TRY(check_sizes(raw_));
    tree_.leaf_width = static_cast<std::uint32_t>(raw_.leaf_width);
    tree_.nodes.reserve(raw_.left.size());
    tree_.nodes.emplace_back();
    order_.push_back(0);
    // Breadth first; nodes left behind by pruning are not reached. If a node were reached twice
    // there would be more nodes than exist.
    for (std::size_t i = 0; i < order_.size(); ++i) TRY(add_node(i));
    return std::move(tree_);
  }

 private:
  Result<void> add_node(std::size_t index) {
    const auto from = static_cast<std::size_t>(order_[index]);
    if (raw_.left[from] == -1) return add_leaf(index, from);
    const auto count = static_cast<std::int32_t>(raw_.left.size());
    const std::int32_t left = raw_.left[from], right = raw_.right[from];
    if (left < 0 || left >= count || right < 0 || right >= count)
      return invalid("has a node that leads nowhere");
    if (order_.size() + 2 > raw_.left.size()) return invalid("has a node with two parents");
    if (raw_.features[from] < 0) return invalid("has a split on no feature");
    trees::Node node;
    node.kind = trees::NodeKind::less;
    node.feature = static_cast<std::uint32_t>(raw_.features[from]);
    node.threshold = raw_.conditions[from];
    node.missing_left = raw_.default_left[from] != 0;
    node.left = static_cast<std::int32_t>(order_.size());
    node.right = node.left + 1;
    order_.push_back(left);
    order_.push_back(right);
    if (!raw_.split_types.empty() && raw_.split_types[from] != 0) {
      // XGBoost's category set goes right.
      node.kind = trees::NodeKind::in_set;
      node.categories = static_cast<std::uint32_t>(tree_.category_sets.size());
      tree_.category_sets.push_back(TRY(category_set(from)));
      std::swap(node.left, node.right);
      node.missing_left = !node.missing_left;
    }
    tree_.nodes[index] = node;
    tree_.nodes.resize(order_.size());
    return {};
  }

  Result<void> add_leaf(std::size_t index, std::size_t from) {
    const std::size_t width = raw_.leaf_width;
    tree_.nodes[index].leaf = static_cast<std::uint32_t>(tree_.leaf_values.size() / width);
    if (width == 1) {
      tree_.leaf_values.push_back(raw_.conditions[from]);
      return {};
    }
    const std::int64_t at = raw_.packed_leaves ? raw_.right[from] : static_cast<std::int64_t>(from);
    if (at < 0 || static_cast<std::size_t>(at) >= raw_.leaf_vectors.size() / width)
      return invalid("has too few leaf values");
    const auto first = raw_.leaf_vectors.begin() + at * static_cast<std::ptrdiff_t>(width);
    tree_.leaf_values.insert(tree_.leaf_values.end(), first,
                             first + static_cast<std::ptrdiff_t>(width));
    return {};
  }

  Result<std::vector<std::uint32_t>> category_set(std::size_t node) {
    // Lists of categories are in the order of the nodes.
    const auto found =
        std::ranges::lower_bound(raw_.category_nodes, static_cast<std::int32_t>(node));
    if (found == raw_.category_nodes.end() || *found != static_cast<std::int32_t>(node))
      return invalid("has a categorical split without categories");
    const auto at = static_cast<std::size_t>(found - raw_.category_nodes.begin());
    const std::int64_t start = raw_.category_starts[at], size = raw_.category_sizes[at];
    if (start < 0 || size < 0 || start + size > static_cast<std::int64_t>(raw_.categories.size()))
      return invalid("has categories out of range");
    std::vector<std::uint32_t> words;
    for (std::int64_t i = start; i < start + size; ++i) {
      const std::int32_t category = raw_.categories[static_cast<std::size_t>(i)];
      if (category < 0 || category > kCategoryMax) return invalid("has a category out of range");
      const auto word = static_cast<std::size_t>(category) / 32;
      if (word >= words.size()) {
        category_words_ += word + 1 - words.size();
        if (category_words_ > kCategoryWordsMax) return invalid("has too large categories");
        words.resize(word + 1);
      }
      words[word] |= 1u << (category % 32);
    }
    return words;
  }

  const RawTree& raw_;
  std::size_t& category_words_;
  trees::Tree tree_;
  std::vector<std::int32_t> order_;  // the raw index of each node
};

}  // namespace

Result<trees::Tree> make_tree(const RawTree& raw, std::size_t& category_words) {
  return Maker(raw, category_words).make();
}

}  // namespace tidemill::infer::xgboost
