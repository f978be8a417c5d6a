#include "infer/lightgbm/text_model.h"

#include "infer/lightgbm/objective.h"
#include "infer/lightgbm/text_section.h"
#include "infer/lightgbm/text_tree.h"

namespace tidemill::infer::lightgbm {
namespace {

constexpr std::string_view kFirstLine = "tree";
constexpr std::string_view kTreeLine = "Tree=";
constexpr std::string_view kEndLine = "end of trees";

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

struct Head {
  std::size_t trees_per_iteration = 1;
  Objective objective;
};

Result<Head> read_head(const TextSection& section, trees::Ensemble& ensemble) {
  const std::string_view version = section.text("version");
  if (version != "v2" && version != "v3" && version != "v4")
    return fail(codes::kInvalid, "the text model's version is '" +
                                     std::string(version.substr(0, 16)) +
                                     "'; v2, v3 and v4 (LightGBM 2.1 to 4) are read");
  Head head;
  const std::size_t classes = TRY(section.count("num_class", trees::kOutputsMax));
  head.trees_per_iteration = section.has("num_tree_per_iteration")
                                 ? TRY(section.count("num_tree_per_iteration", trees::kOutputsMax))
                                 : classes;
  if (head.trees_per_iteration == 0) return fail(codes::kInvalid, "num_tree_per_iteration is 0");
  head.objective =
      TRY(read_objective(section.text("objective"), section.has("objective"), classes));
  ensemble.feature_count = TRY(section.count("max_feature_idx", trees::kFeaturesMax - 1)) + 1;
  ensemble.output_count = head.trees_per_iteration;
  ensemble.base.assign(ensemble.output_count, 0);
  ensemble.average = section.has("average_output");
  ensemble.sum_in_double = true;
  return head;
}

Result<void> add_tree(const TextSection& section, const Head& head, trees::Ensemble& ensemble,
                      std::size_t& nodes) {
  const std::size_t index = ensemble.trees.size();
  auto in_tree = [&](const std::string& what) {
    return fail(codes::kInvalid, "tree " + std::to_string(index) + ": " + what);
  };
  if (index == trees::kTreesMax) return in_tree("more trees than are read");
  Result<trees::Tree> tree = read_tree(section, ensemble.feature_count);
  if (!tree) return in_tree(tree.error().message);
  tree->output = static_cast<std::uint32_t>(index % head.trees_per_iteration);
  nodes += tree->nodes.size();
  if (nodes > trees::kNodesMax) return in_tree("more nodes than are read");
  ensemble.trees.push_back(std::move(*tree));
  return {};
}

}  // namespace

bool looks_like_model(std::string_view bytes) { return next_line(bytes) == kFirstLine; }

Result<TextModel> parse_model(std::string_view text) {
  if (!looks_like_model(text)) return fail(codes::kInvalid, "not a LightGBM text model");
  next_line(text);
  TextModel model;
  Head head;
  TextSection section;
  bool in_head = true, ended = false;
  std::size_t nodes = 0;
  while (!text.empty() && !ended) {
    const std::string_view line = next_line(text);
    ended = line == kEndLine;
    if (!ended && !line.starts_with(kTreeLine)) {
      if (!line.empty()) section.add(line);
      continue;
    }
    if (in_head)
      head = TRY(read_head(section, model.ensemble));
    else
      TRY(add_tree(section, head, model.ensemble, nodes));
    in_head = false;
    section = TextSection();
  }
  if (!ended) return fail(codes::kInvalid, "the LightGBM model is cut off: no line 'end of trees'");
  if (model.ensemble.trees.size() % head.trees_per_iteration != 0)
    return fail(codes::kInvalid, "the last iteration's trees are not all there");
  model.transform = head.objective.transform;
  model.facts = head.objective.facts;
  return model;
}

Result<std::unique_ptr<Model>> load_model(std::string_view text) {
  TextModel model = TRY(parse_model(text));
  return make_ensemble_model(model.ensemble, model.transform, std::move(model.facts));
}

}  // namespace tidemill::infer::lightgbm
