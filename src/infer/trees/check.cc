// Checks the bounds of an ensemble, so that kernels need not check while walking.
#include <algorithm>

#include "infer/trees/ensemble.h"

namespace tidemill::infer::trees {
namespace {

std::unexpected<Error> invalid(std::string what) { return fail(codes::kInvalid, std::move(what)); }

std::string place(std::size_t tree, std::size_t node) {
  return "tree " + std::to_string(tree) + ", node " + std::to_string(node) + ": ";
}

// Empty when the node is sound.
std::string fault_of_node(const Ensemble& ensemble, const Tree& tree, std::size_t index) {
  const Node& node = tree.nodes[index];
  if (node.kind > NodeKind::in_set || node.missing > Missing::none) return "its kind is unknown";
  if (node.kind == NodeKind::leaf) {
    const std::size_t leaves = tree.leaf_values.size() / tree.leaf_width;
    if (node.leaf >= leaves) return "its leaf is out of range";
    if (!tree.linear_leaves.empty() && node.leaf >= tree.linear_leaves.size())
      return "its linear leaf is out of range";
    return {};
  }
  const auto here = static_cast<std::int64_t>(index);
  const auto size = static_cast<std::int64_t>(tree.nodes.size());
  if (node.left <= here || node.left >= size || node.right <= here || node.right >= size)
    return "a child does not come after it";
  if (node.feature >= ensemble.feature_count) return "its feature is out of range";
  if (node.kind == NodeKind::in_set && node.categories >= tree.category_sets.size())
    return "its category set is out of range";
  return {};
}

Result<void> check_tree(const Ensemble& ensemble, std::size_t index) {
  const Tree& tree = ensemble.trees[index];
  const std::string name = "tree " + std::to_string(index);
  if (tree.nodes.empty()) return invalid(name + " has no nodes");
  if (tree.nodes.size() > kNodesPerTreeMax) return invalid(name + " has too many nodes");
  if (tree.leaf_width == 0 || tree.leaf_width > ensemble.output_count ||
      tree.output > ensemble.output_count - tree.leaf_width)
    return invalid(name + " adds to outputs that the model does not have");
  for (std::size_t node = 0; node < tree.nodes.size(); ++node)
    if (std::string fault = fault_of_node(ensemble, tree, node); !fault.empty())
      return invalid(place(index, node) + fault);
  for (const LinearLeaf& leaf : tree.linear_leaves) {
    if (tree.leaf_width != 1) return invalid(name + " has linear leaves with several values");
    if (leaf.features.size() != leaf.coefficients.size())
      return invalid(name + ": a linear leaf's features and coefficients differ in number");
    for (std::uint32_t feature : leaf.features)
      if (feature >= ensemble.feature_count)
        return invalid(name + ": a linear leaf's feature is out of range");
  }
  return {};
}

}  // namespace

Result<void> check_ensemble(const Ensemble& ensemble) {
  if (ensemble.feature_count > kFeaturesMax) return invalid("the model has too many features");
  if (ensemble.output_count == 0 || ensemble.output_count > kOutputsMax)
    return invalid("the model has no outputs, or too many");
  if (ensemble.base.size() != ensemble.output_count)
    return invalid("the model's base margins are not one an output");
  if (ensemble.trees.size() > kTreesMax) return invalid("the model has too many trees");
  if (ensemble.feature_count == 0 && !ensemble.trees.empty())
    return invalid("the model has trees, but no features");
  std::size_t nodes = 0, values = 0;
  for (const Tree& tree : ensemble.trees) {
    nodes += tree.nodes.size();
    values += tree.leaf_values.size();
    for (const std::vector<std::uint32_t>& set : tree.category_sets) values += set.size() + 1;
  }
  if (nodes > kNodesMax || values > kValuesMax) return invalid("the model has too many nodes");
  for (std::size_t index = 0; index < ensemble.trees.size(); ++index)
    TRY(check_tree(ensemble, index));
  return {};
}

}  // namespace tidemill::infer::trees
