#include <algorithm>
#include <charconv>

#include "infer/xgboost/booster.h"
#include "infer/xgboost/objective.h"

namespace tidemill::infer::xgboost {
namespace {

std::unexpected<Error> invalid(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// 0 when the text is not a count.
std::size_t count_of(const std::string& text, std::size_t plus) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  return error == std::errc{} && count < trees::kTreesMax ? count + plus : 0;
}

// After early stopping only the rounds up to the best one count, as in SageMaker's container.
std::size_t tree_count(const ModelFile& file) {
  const std::size_t rounds = count_of(file.best_iteration, 1);
  if (rounds == 0) return file.trees.size();
  if (!file.round_starts.empty()) {
    const std::int32_t end = file.round_starts[std::min(rounds, file.round_starts.size() - 1)];
    return std::min(file.trees.size(), static_cast<std::size_t>(std::max(end, 0)));
  }
  const std::size_t trees_an_output = file.parallel_trees > 0
                                          ? rounds * file.parallel_trees
                                          : std::max(rounds, count_of(file.best_tree_limit, 0));
  return std::min(file.trees.size(), trees_an_output * file.output_count());
}

Result<std::vector<double>> base_margins(const ModelFile& file) {
  const std::optional<Objective> objective = find_objective(file.objective);
  if (!objective) return invalid("the objective '" + file.objective + "' is not known");
  const std::size_t outputs = file.output_count();
  if (file.base_score.empty()) return invalid("the model has no base_score");
  if (file.base_score.size() != 1 && file.base_score.size() != outputs)
    return invalid("the model's base scores are not one an output");
  std::vector<double> margins;
  for (std::size_t i = 0; i < outputs; ++i) {
    const float score = file.base_score[file.base_score.size() == 1 ? 0 : i];
    margins.push_back(file.base_is_margin ? score : margin_of(objective->base, score));
  }
  return margins;
}

}  // namespace

Result<trees::Ensemble> make_ensemble(ModelFile file) {
  trees::Ensemble ensemble;
  ensemble.feature_count = file.feature_count;
  ensemble.output_count = file.output_count();
  ensemble.base = TRY(base_margins(file));
  // From 1.3 on trees are added to the base score; earlier versions add it to the trees' sum.
  ensemble.base_last = file.version[0] < 1 || (file.version[0] == 1 && file.version[1] < 3);
  const std::size_t count = tree_count(file);
  if (file.tree_outputs.size() < count) return invalid("the model's tree_info is cut off");
  if (!file.tree_weights.empty() && file.tree_weights.size() < count)
    return invalid("the model's weight_drop is cut off");
  file.trees.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    trees::Tree& tree = file.trees[i];
    if (file.tree_outputs[i] < 0) return invalid("a tree belongs to no class");
    // Vector leaves cover all outputs.
    tree.output = tree.leaf_width > 1 ? 0 : static_cast<std::uint32_t>(file.tree_outputs[i]);
    if (!file.tree_weights.empty()) tree.weight = file.tree_weights[i];
  }
  ensemble.trees = std::move(file.trees);
  return ensemble;
}

}  // namespace tidemill::infer::xgboost
