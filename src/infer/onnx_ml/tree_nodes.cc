#include "infer/onnx_ml/tree_nodes.h"

#include <algorithm>
#include <cmath>

namespace tidemill::infer::onnx_ml {
namespace {

// Limit of members in one node's set; each costs two nodes.
constexpr std::size_t kMembersMax = 4096;

// Limit for all leaves of a model: a few bytes of a file can ask for one value per output.
constexpr std::size_t kValuesMax = 1u << 26;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

trees::Node make_node(const RawNode& raw, trees::NodeKind kind, double threshold,
                      bool missing_left) {
  trees::Node node;
  node.kind = kind;
  node.feature = raw.feature;
  node.threshold = threshold;
  node.missing_left = missing_left;
  return node;
}

}  // namespace

TreePlacer::TreePlacer(const std::vector<RawNode>& nodes, std::size_t outputs)
    : nodes_(nodes), outputs_(outputs), seen_(nodes.size()) {}

// Trees whose leaves all go to one output have leaves of one value, others one for each output.
void TreePlacer::choose_outputs(std::size_t root, trees::Tree& tree) {
  bool first = true, same = true;
  std::vector<std::size_t> stack{root};
  std::size_t visited = 0;
  while (!stack.empty() && same && visited++ <= nodes_.size()) {
    const RawNode& raw = nodes_[stack.back()];
    stack.pop_back();
    if (!raw.leaf) {
      if (std::max(raw.true_child, raw.false_child) >= nodes_.size()) return;  // place() says it
      stack.push_back(raw.true_child);
      stack.push_back(raw.false_child);
    }
    for (const auto& [output, weight] : raw.weights) {
      if (first) tree.output = output;
      same = same && tree.output == output;
      first = false;
    }
  }
  tree.leaf_width = same ? 1 : static_cast<std::uint32_t>(outputs_);
  if (!same) tree.output = 0;
}

void TreePlacer::place_leaf(const RawNode& raw, std::size_t at, trees::Tree& tree) {
  tree.nodes[at].leaf = static_cast<std::uint32_t>(tree.leaf_values.size() / tree.leaf_width);
  const std::size_t first = tree.leaf_values.size();
  values_ += tree.leaf_width;
  tree.leaf_values.resize(first + tree.leaf_width, 0.0);
  for (const auto& [output, weight] : raw.weights)
    tree.leaf_values[first + output - tree.output] += static_cast<double>(weight);
}

// x == v is x <= v and not x < v: two nodes that share the branch of the others.
Result<void> TreePlacer::place_split(const RawNode& raw, std::size_t at, trees::Tree& tree) {
  using trees::NodeKind;
  if (std::isnan(raw.value) && raw.mode != Mode::member)
    return wrong("a threshold is not a number");
  auto go = [&](bool condition, std::vector<std::pair<std::size_t, bool>> parents) {
    pending_.push_back({condition ? raw.true_child : raw.false_child, std::move(parents)});
  };
  switch (raw.mode) {
    case Mode::less_equal:
    case Mode::less:
      tree.nodes[at] =
          make_node(raw, raw.mode == Mode::less ? NodeKind::less : NodeKind::less_equal, raw.value,
                    raw.missing_true);
      go(false, {{at, false}});
      go(true, {{at, true}});
      return {};
    case Mode::greater_equal:
    case Mode::greater:  // the opposite comparison, with the branches changed over
      tree.nodes[at] =
          make_node(raw, raw.mode == Mode::greater ? NodeKind::less_equal : NodeKind::less,
                    raw.value, !raw.missing_true);
      go(true, {{at, false}});
      go(false, {{at, true}});
      return {};
    default:
      break;
  }
  std::vector<float> values = raw.members;
  if (raw.mode != Mode::member) values = {static_cast<float>(raw.value)};
  if (values.empty() || values.size() > kMembersMax)
    return wrong("a set without or with too many members");
  std::sort(values.begin(), values.end());
  // A row without the feature equals nothing, unless the node counts that as true; for NOT_EQUAL it
  // is true in both cases.
  const bool hit_is_true = raw.mode != Mode::not_equal;
  const bool missing_hits = hit_is_true && raw.missing_true;
  std::vector<std::pair<std::size_t, bool>> hits, misses;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Ascending: smaller values miss, this value hits, larger ones go on to the next.
    const std::size_t upper = i == 0 ? at : tree.nodes.size();
    if (i != 0) {
      tree.nodes.emplace_back();
      tree.nodes[at].right = static_cast<std::int32_t>(upper);
    }
    tree.nodes[upper] = make_node(raw, NodeKind::less_equal, values[i], missing_hits && i == 0);
    const std::size_t lower = tree.nodes.size();
    tree.nodes.push_back(make_node(raw, NodeKind::less, values[i], false));
    tree.nodes[upper].left = static_cast<std::int32_t>(lower);
    misses.emplace_back(lower, true);
    hits.emplace_back(lower, false);
    at = upper;
  }
  misses.emplace_back(at, false);
  go(hit_is_true, std::move(hits));
  go(!hit_is_true, std::move(misses));
  return {};
}

Result<trees::Tree> TreePlacer::place(std::size_t root) {
  trees::Tree tree;
  choose_outputs(root, tree);
  pending_ = {{root, {}}};
  while (!pending_.empty()) {
    const Pending next = std::move(pending_.back());
    pending_.pop_back();
    if (next.raw >= nodes_.size() || seen_[next.raw])
      return wrong("a node is missing, or has two parents");
    seen_[next.raw] = true;
    const std::size_t at = tree.nodes.size();
    tree.nodes.emplace_back();
    for (const auto& [parent, left] : next.parents)
      (left ? tree.nodes[parent].left : tree.nodes[parent].right) = static_cast<std::int32_t>(at);
    const RawNode& raw = nodes_[next.raw];
    if (raw.leaf)
      place_leaf(raw, at, tree);
    else
      TRY(place_split(raw, at, tree));
    if (values_ > kValuesMax) return wrong("more leaves and outputs than are read");
    if (tree.nodes.size() > trees::kNodesPerTreeMax) return wrong("a tree has too many nodes");
  }
  return tree;
}

}  // namespace tidemill::infer::onnx_ml
