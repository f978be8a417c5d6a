#include "infer/lightgbm/text_tree.h"

#include <cmath>

namespace tidemill::infer::lightgbm {
namespace {

// decision_type's bits.
constexpr int kCategorical = 1;
constexpr int kDefaultLeft = 2;
constexpr int kMissingShift = 2, kMissingMask = 3;
constexpr int kMissingNone = 0, kMissingZero = 1, kMissingNan = 2;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// The inner nodes as the file has them: columns of numbers.
struct Columns {
  std::vector<std::int32_t> feature, left, right;
  std::vector<int> decision;
  std::vector<double> threshold;
};

class TreeReader {
 public:
  TreeReader(const TextSection& section, std::size_t feature_count)
      : section_(section), feature_count_(feature_count) {}

  Result<trees::Tree> read() {
    leaves_ = TRY(section_.count("num_leaves", trees::kNodesPerTreeMax / 2));
    if (leaves_ == 0) return wrong("num_leaves is 0");
    tree_.leaf_values = TRY(section_.numbers<double>("leaf_value", leaves_));
    if (section_.has("is_linear") && TRY(section_.count("is_linear", 1)) == 1)
      TRY(read_linear_leaves());
    if (leaves_ == 1) {
      tree_.nodes.emplace_back();
      return std::move(tree_);
    }
    TRY(read_columns());
    TRY(read_category_sets());
    TRY(place_nodes());
    return std::move(tree_);
  }

 private:
  Result<void> read_columns() {
    const std::size_t inner = leaves_ - 1;
    columns_.feature = TRY(section_.numbers<std::int32_t>("split_feature", inner));
    columns_.left = TRY(section_.numbers<std::int32_t>("left_child", inner));
    columns_.right = TRY(section_.numbers<std::int32_t>("right_child", inner));
    columns_.decision = TRY(section_.numbers<int>("decision_type", inner));
    columns_.threshold = TRY(section_.numbers<double>("threshold", inner));
    return {};
  }

  Result<void> read_category_sets() {
    const std::size_t sets =
        section_.has("num_cat") ? TRY(section_.count("num_cat", leaves_)) : std::size_t{0};
    if (sets == 0) return {};
    const auto bounds = TRY(section_.numbers<std::uint32_t>("cat_boundaries", sets + 1));
    const auto words = TRY(section_.numbers<std::uint32_t>("cat_threshold", bounds.back()));
    for (std::size_t i = 0; i < sets; ++i) {
      if (bounds[i] > bounds[i + 1] || bounds[i + 1] > words.size())
        return wrong("cat_boundaries do not ascend");
      tree_.category_sets.emplace_back(words.begin() + bounds[i], words.begin() + bounds[i + 1]);
    }
    return {};
  }

  Result<void> read_linear_leaves() {
    const auto constants = TRY(section_.numbers<double>("leaf_const", leaves_));
    const auto counts = TRY(section_.numbers<std::uint32_t>("num_features", leaves_));
    std::size_t total = 0;
    for (std::uint32_t count : counts) total += count;
    const auto features = TRY(section_.numbers<std::uint32_t>("leaf_features", total));
    const auto coefficients = TRY(section_.numbers<double>("leaf_coeff", total));
    std::size_t at = 0;
    for (std::size_t leaf = 0; leaf < leaves_; ++leaf) {
      trees::LinearLeaf linear{constants[leaf], {}, {}};
      for (const std::size_t end = at + counts[leaf]; at < end; ++at) {
        if (features[at] >= feature_count_) return wrong("leaf_features names no feature");
        linear.features.push_back(features[at]);
        linear.coefficients.push_back(coefficients[at]);
      }
      tree_.linear_leaves.push_back(std::move(linear));
    }
    return {};
  }

  Result<trees::Node> split(std::size_t inner) const {
    const int decision = columns_.decision[inner];
    trees::Node node;
    if (columns_.feature[inner] < 0 ||
        static_cast<std::size_t>(columns_.feature[inner]) >= feature_count_)
      return wrong("split_feature names no feature");
    node.feature = static_cast<std::uint32_t>(columns_.feature[inner]);
    if (decision & kCategorical) {
      const double set = columns_.threshold[inner];
      if (!(set >= 0) || set >= static_cast<double>(tree_.category_sets.size()))
        return wrong("a categorical split has no category set");
      node.kind = trees::NodeKind::in_set;
      node.categories = static_cast<std::uint32_t>(set);
      return node;  // a missing category always goes right
    }
    node.kind = trees::NodeKind::less_equal;
    node.threshold = columns_.threshold[inner];
    if (std::isnan(node.threshold)) return wrong("a threshold is not a number");
    node.missing_left = (decision & kDefaultLeft) != 0;
    switch (decision >> kMissingShift & kMissingMask) {
      case kMissingNone:
        node.missing = trees::Missing::none;
        break;
      case kMissingZero:
        node.missing = trees::Missing::nan_or_zero;
        break;
      case kMissingNan:
        node.missing = trees::Missing::nan;
        break;
      default:
        return wrong("decision_type " + std::to_string(decision) + " is not known");
    }
    return node;
  }

  // Parents before children, each inner node and leaf at most once: no walk can loop.
  Result<void> place_nodes() {
    struct Pending {
      std::int32_t child;  // an inner node, or the complement of a leaf
      std::int32_t parent;
      bool left;
    };
    std::vector<bool> seen_inner(leaves_ - 1), seen_leaf(leaves_);
    std::vector<Pending> pending{{0, -1, false}};
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      const bool is_leaf = next.child < 0;
      const auto index = static_cast<std::size_t>(is_leaf ? ~next.child : next.child);
      std::vector<bool>& seen = is_leaf ? seen_leaf : seen_inner;
      if (index >= seen.size() || seen[index]) return wrong("left_child, right_child: no tree");
      seen[index] = true;
      const auto place = static_cast<std::int32_t>(tree_.nodes.size());
      if (is_leaf) {
        tree_.nodes.emplace_back().leaf = static_cast<std::uint32_t>(index);
      } else {
        tree_.nodes.push_back(TRY(split(index)));
        pending.push_back({columns_.right[index], place, false});
        pending.push_back({columns_.left[index], place, true});
      }
      if (next.parent < 0) continue;
      trees::Node& parent = tree_.nodes[static_cast<std::size_t>(next.parent)];
      (next.left ? parent.left : parent.right) = place;
    }
    return {};
  }

  const TextSection& section_;
  const std::size_t feature_count_;
  std::size_t leaves_ = 0;
  Columns columns_;
  trees::Tree tree_;
};

}  // namespace

Result<trees::Tree> read_tree(const TextSection& section, std::size_t feature_count) {
  return TreeReader(section, feature_count).read();
}

}  // namespace tidemill::infer::lightgbm
