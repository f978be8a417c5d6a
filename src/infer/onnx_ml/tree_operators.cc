// ONNX-ML's TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble.
#include "infer/onnx_ml/tree_operators.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "infer/onnx_ml/operators.h"
#include "infer/onnx_ml/tree_nodes.h"
#include "infer/trees/kernel.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

Result<Mode> mode_of(const std::string& name) {
  static const std::map<std::string_view, Mode> kModes = {
      {"BRANCH_LEQ", Mode::less_equal},    {"BRANCH_LT", Mode::less},
      {"BRANCH_GTE", Mode::greater_equal}, {"BRANCH_GT", Mode::greater},
      {"BRANCH_EQ", Mode::equal},          {"BRANCH_NEQ", Mode::not_equal}};
  auto found = kModes.find(name);
  if (found == kModes.end()) return wrong("mode " + name.substr(0, 32) + " is not known");
  return found->second;
}

Result<std::uint32_t> feature_of(std::int64_t feature) {
  if (feature < 0 || feature >= static_cast<std::int64_t>(trees::kFeaturesMax))
    return wrong("a node has no feature");
  return static_cast<std::uint32_t>(feature);
}

// A list of numbers, or since ai.onnx.ml 3 the same as a tensor, maybe of doubles.
std::vector<double> number_list(const Node& node, const std::string& name) {
  const std::vector<float>& reals = node.reals(name);
  if (!reals.empty()) return {reals.begin(), reals.end()};
  for (const std::string& other : {name + "_as_tensor", name})
    if (const Attribute* found = node.find(other); found && found->tensor)
      return numbers_as<double>(*found->tensor);
  return {};
}

// The lists of the operators before version 5: a node is (tree, number in the tree).
class NodeLists {
 public:
  explicit NodeLists(const Node& node) : node_(node) {}

  // weights: "target" or "class", which begins the names of the lists of leaves' weights.
  Result<void> read(const std::string& weights, std::size_t outputs) {
    const auto& trees = node_.wholes("nodes_treeids");
    const auto& numbers = node_.wholes("nodes_nodeids");
    const auto& modes = node_.texts("nodes_modes");
    if (trees.size() != numbers.size() || trees.size() != modes.size() || trees.empty())
      return wrong("the lists of nodes differ in length");
    nodes.resize(trees.size());
    for (std::size_t i = 0; i < trees.size(); ++i) {
      if (!places_.insert({{trees[i], numbers[i]}, i}).second) return wrong("a node comes twice");
      if (i == 0 || trees[i] != trees[i - 1]) roots.push_back(i);
    }
    TRY(read_splits(trees, modes));
    return read_weights(weights, outputs);
  }

  std::vector<RawNode> nodes;
  std::vector<std::size_t> roots;
  std::vector<std::int64_t> weight_ids;
  bool has_negative_weight = false;

 private:
  Result<void> read_splits(const std::vector<std::int64_t>& trees,
                           const std::vector<std::string>& modes) {
    const auto& features = node_.wholes("nodes_featureids");
    const auto& if_true = node_.wholes("nodes_truenodeids");
    const auto& if_false = node_.wholes("nodes_falsenodeids");
    const auto& missing = node_.wholes("nodes_missing_value_tracks_true");
    const std::vector<double> values = number_list(node_, "nodes_values");
    const std::size_t count = nodes.size();
    if (features.size() != count || if_true.size() != count || if_false.size() != count ||
        values.size() != count)
      return wrong("the lists of nodes differ in length");
    for (std::size_t i = 0; i < count; ++i) {
      RawNode& raw = nodes[i];
      raw.leaf = modes[i] == "LEAF";
      if (raw.leaf) continue;
      raw.mode = TRY(mode_of(modes[i]));
      raw.feature = TRY(feature_of(features[i]));
      raw.value = values[i];
      raw.missing_true = i < missing.size() && missing[i] != 0;
      for (const auto& [child, number] :
           {std::pair(&raw.true_child, if_true[i]), std::pair(&raw.false_child, if_false[i])}) {
        auto place = places_.find({trees[i], number});
        if (place == places_.end()) return wrong("a node's child is missing");
        *child = place->second;
      }
    }
    return {};
  }

  Result<void> read_weights(const std::string& which, std::size_t outputs) {
    const auto& trees = node_.wholes(which + "_treeids");
    const auto& numbers = node_.wholes(which + "_nodeids");
    weight_ids = node_.wholes(which + "_ids");
    const std::vector<double> weights = number_list(node_, which + "_weights");
    const std::size_t count = weights.size();
    if (trees.size() != count || numbers.size() != count || weight_ids.size() != count)
      return wrong("the lists of weights differ in length");
    for (std::size_t i = 0; i < count; ++i) {
      auto place = places_.find({trees[i], numbers[i]});
      if (place == places_.end() || !nodes[place->second].leaf)
        return wrong("a weight belongs to no leaf");
      if (weight_ids[i] < 0 || static_cast<std::size_t>(weight_ids[i]) >= outputs)
        return wrong("a weight goes to no output");
      nodes[place->second].weights.emplace_back(static_cast<std::uint32_t>(weight_ids[i]),
                                                static_cast<float>(weights[i]));
      has_negative_weight = has_negative_weight || weights[i] < 0;
    }
    return {};
  }

  const Node& node_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> places_;
};

// TreeEnsemble of version 5: inner nodes and leaves have lists of their own.
class NodeTable {
 public:
  explicit NodeTable(const Node& node) : node_(node) {}

  Result<void> read(std::size_t outputs) {
    const auto& features = node_.wholes("nodes_featureids");
    const std::vector<double> splits = number_list(node_, "nodes_splits");
    const std::vector<double> modes = number_list(node_, "nodes_modes");
    const auto& targets = node_.wholes("leaf_targetids");
    const std::vector<double> weights = number_list(node_, "leaf_weights");
    inner_ = features.size();
    leaves_ = targets.size();
    if (splits.size() != inner_ || modes.size() != inner_ || weights.size() != leaves_)
      return wrong("the lists of nodes differ in length");
    nodes.resize(inner_ + leaves_);
    for (std::size_t i = 0; i < leaves_; ++i) {
      if (targets[i] < 0 || static_cast<std::size_t>(targets[i]) >= outputs)
        return wrong("a leaf goes to no output");
      nodes[inner_ + i].leaf = true;
      nodes[inner_ + i].weights = {
          {static_cast<std::uint32_t>(targets[i]), static_cast<float>(weights[i])}};
    }
    for (std::size_t i = 0; i < inner_; ++i) {
      if (!(modes[i] >= 0 && modes[i] <= static_cast<double>(Mode::member)))
        return wrong("a mode is not known");
      nodes[i].mode = static_cast<Mode>(static_cast<int>(modes[i]));
      nodes[i].feature = TRY(feature_of(features[i]));
      nodes[i].value = splits[i];
    }
    TRY(read_children());
    TRY(read_members());
    for (std::int64_t root : node_.wholes("tree_roots")) {
      if (root < 0 || static_cast<std::size_t>(root) >= std::max<std::size_t>(inner_, 1))
        return wrong("a root is missing");
      roots.push_back(static_cast<std::size_t>(root));
    }
    return {};
  }

  std::vector<RawNode> nodes;
  std::vector<std::size_t> roots;

 private:
  Result<void> read_children() {
    const auto& missing = node_.wholes("nodes_missing_value_tracks_true");
    const auto &if_true = node_.wholes("nodes_truenodeids"),
               &if_false = node_.wholes("nodes_falsenodeids"),
               &true_leaf = node_.wholes("nodes_trueleafs"),
               &false_leaf = node_.wholes("nodes_falseleafs");
    for (const auto* list : {&if_true, &if_false, &true_leaf, &false_leaf})
      if (list->size() != inner_) return wrong("the lists of nodes differ in length");
    auto child = [&](std::int64_t number, std::int64_t leaf) -> Result<std::size_t> {
      if (number < 0 || static_cast<std::size_t>(number) >= (leaf ? leaves_ : inner_))
        return wrong("a node's child is missing");
      return static_cast<std::size_t>(number) + (leaf ? inner_ : 0);
    };
    for (std::size_t i = 0; i < inner_; ++i) {
      nodes[i].missing_true = i < missing.size() && missing[i] != 0;
      nodes[i].true_child = TRY(child(if_true[i], true_leaf[i]));
      nodes[i].false_child = TRY(child(if_false[i], false_leaf[i]));
    }
    return {};
  }

  // Sets of members stand one after the other, each ended by a NaN.
  Result<void> read_members() {
    const std::vector<double> members = number_list(node_, "membership_values");
    auto at = members.begin();
    for (std::size_t i = 0; i < inner_; ++i) {
      if (nodes[i].mode != Mode::member) continue;
      for (; at != members.end() && !std::isnan(*at); ++at)
        nodes[i].members.push_back(static_cast<float>(*at));
      if (at == members.end()) return wrong("a set of members does not end");
      ++at;
    }
    return {};
  }

  const Node& node_;
  std::size_t inner_ = 0, leaves_ = 0;
};

Result<trees::Ensemble> make_ensemble(const std::vector<RawNode>& nodes,
                                      const std::vector<std::size_t>& roots, std::size_t outputs,
                                      bool average) {
  trees::Ensemble ensemble;
  ensemble.output_count = outputs;
  ensemble.base.assign(outputs, 0);
  ensemble.base_last = true;
  TreePlacer placer(nodes, outputs);
  if (roots.size() > trees::kTreesMax) return wrong("too many trees");
  for (std::size_t root : roots) {
    ensemble.trees.push_back(TRY(placer.place(root)));
    if (average) ensemble.trees.back().weight = 1.0 / static_cast<double>(roots.size());
    for (const trees::Node& node : ensemble.trees.back().nodes)
      if (node.kind != trees::NodeKind::leaf)
        ensemble.feature_count = std::max<std::size_t>(ensemble.feature_count, node.feature + 1);
  }
  ensemble.feature_count = std::max<std::size_t>(ensemble.feature_count, 1);
  // Every tree covers every output: the sum can be divided at the end, as ONNX Runtime does.
  if (average && outputs == 1) {
    for (trees::Tree& tree : ensemble.trees) tree.weight = 1;
    ensemble.average = true;
  }
  return ensemble;
}

Result<std::size_t> output_count(std::int64_t number) {
  if (number < 1 || number > static_cast<std::int64_t>(trees::kOutputsMax))
    return wrong(std::to_string(number) + " outputs");
  return static_cast<std::size_t>(number);
}

Result<bool> averages(const std::string& function) {
  if (function == "AVERAGE") return true;
  if (function == "SUM") return false;
  return wrong("aggregate_function " + function.substr(0, 32) + " is not computed");
}

}  // namespace

Result<std::shared_ptr<const TreeScores>> TreeScores::make(const Node& node) {
  auto scores = std::make_shared<TreeScores>();
  trees::Ensemble ensemble;
  std::vector<double> base = number_list(node, "base_values");
  scores->transform_ = TRY(post_transform_of(node.text("post_transform", "NONE")));
  if (node.operation == "TreeEnsembleRegressor") {
    const std::size_t outputs = TRY(output_count(node.whole("n_targets", 1)));
    NodeLists lists(node);
    TRY(lists.read("target", outputs));
    const bool average = TRY(averages(node.text("aggregate_function", "SUM")));
    ensemble = TRY(make_ensemble(lists.nodes, lists.roots, outputs, average));
  } else if (node.operation == "TreeEnsembleClassifier") {
    scores->labels_ = node.wholes("classlabels_int64s");
    const std::size_t classes = TRY(output_count(static_cast<std::int64_t>(
        std::max(scores->labels_.size(), node.texts("classlabels_strings").size()))));
    NodeLists lists(node);
    TRY(lists.read("class", classes));
    const bool one_id = std::adjacent_find(lists.weight_ids.begin(), lists.weight_ids.end(),
                                           std::not_equal_to<>()) == lists.weight_ids.end();
    const bool binary = classes == 2 && one_id && !lists.weight_ids.empty();
    if (binary)
      for (RawNode& raw : lists.nodes)
        for (auto& weight : raw.weights) weight.first = 0;
    if (binary) scores->binary_ = Binary{!lists.has_negative_weight};
    if (binary && base.size() == 2) base.erase(base.begin());
    ensemble = TRY(make_ensemble(lists.nodes, lists.roots, binary ? 1 : classes, false));
  } else {
    static const char* const kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                              "PROBIT"};
    const std::int64_t transform = node.whole("post_transform", 0);
    if (transform < 0 || transform > 4) return wrong("post_transform is not known");
    scores->transform_ = TRY(post_transform_of(kTransforms[transform]));
    const std::int64_t function = node.whole("aggregate_function", 1);
    if (function != 0 && function != 1) return wrong("this aggregate_function is not computed");
    const std::size_t outputs = TRY(output_count(node.whole("n_targets", 1)));
    NodeTable table(node);
    TRY(table.read(outputs));
    ensemble = TRY(make_ensemble(table.nodes, table.roots, outputs, function == 0));
  }
  if (base.size() == ensemble.output_count)
    ensemble.base = base;
  else if (!base.empty())
    return wrong("base_values and outputs differ in number");
  scores->kernel_ = TRY(trees::compile(ensemble));
  return std::shared_ptr<const TreeScores>(std::move(scores));
}

std::size_t TreeScores::columns() const { return binary_ ? 2 : kernel_->output_count(); }
std::size_t TreeScores::features() const { return kernel_->feature_count(); }
std::size_t TreeScores::memory_bytes() const { return kernel_->memory_bytes(); }

void TreeScores::predict(const float* rows, std::size_t count, std::size_t stride,
                         float* out) const {
  const std::size_t outputs = kernel_->output_count();
  if (!binary_) {
    kernel_->predict(rows, count, stride, out);
    for (std::size_t row = 0; row < count; ++row)
      apply_post_transform(transform_, out + row * outputs, outputs);
    return;
  }
  // One score a row, spread to two from the back.
  kernel_->predict(rows, count, stride, out);
  for (std::size_t row = count; row-- > 0;) {
    const float score = out[row];
    if (transform_ == PostTransform::logistic && !binary_->all_positive) {
      out[2 * row] = logistic(-score);
      out[2 * row + 1] = logistic(score);
    } else if (binary_->all_positive) {
      out[2 * row] = 1 - score;
      out[2 * row + 1] = score;
    } else {
      out[2 * row] = -score;
      out[2 * row + 1] = score;
    }
  }
}

Result<void> TreeScores::labels(const Tensor& scores, Tensor& out) const {
  if (labels_.empty()) return wrong("labels that are texts are not computed");
  const std::size_t columns_now = columns();
  const std::size_t rows = scores.floats.size() / columns_now;
  TRY(allocate(out, Type::whole, {static_cast<std::int64_t>(rows)}));
  for (std::size_t row = 0; row < rows; ++row) {
    const float* first = scores.floats.data() + row * columns_now;
    const auto best =
        static_cast<std::size_t>(std::max_element(first, first + columns_now) - first);
    out.wholes[row] = labels_[std::min(best, labels_.size() - 1)];
  }
  return {};
}

namespace {

Result<Operator> make_trees(const Node& node, std::int64_t) {
  const bool classifier = node.operation == "TreeEnsembleClassifier";
  std::shared_ptr<const TreeScores> trees = TRY(TreeScores::make(node));
  return Operator([trees, classifier](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Tensor& in = *inputs[0];
    if (in.shape.empty() || in.shape.size() > 2) return wrong("the input is not a matrix");
    const auto columns = static_cast<std::size_t>(in.shape.back());
    const std::size_t rows = in.shape.size() == 2 ? static_cast<std::size_t>(in.shape[0]) : 1;
    if (columns < trees->features())
      return wrong("a row has " + std::to_string(columns) + " features, the trees look at " +
                   std::to_string(trees->features()));
    const std::vector<float> converted =
        in.type == Type::real32 ? std::vector<float>() : numbers_as<float>(in);
    const float* data = in.type == Type::real32 ? in.floats.data() : converted.data();
    Tensor scores;
    TRY(allocate(scores, Type::real32,
                 {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(trees->columns())}));
    trees->predict(data, rows, columns, scores.floats.data());
    if (!classifier) {
      *outputs[0] = std::move(scores);
      return {};
    }
    if (outputs[0]) TRY(trees->labels(scores, *outputs[0]));
    if (outputs.size() > 1 && outputs[1]) *outputs[1] = std::move(scores);
    return {};
  });
}

}  // namespace

void add_tree_operators(OperatorTable& table) {
  table.insert({{"TreeEnsembleClassifier", make_trees},
                {"TreeEnsembleRegressor", make_trees},
                {"TreeEnsemble", make_trees}});
}

}  // namespace tidemill::infer::onnx_ml
