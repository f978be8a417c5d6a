#include "infer/catboost/json_model.h"

#include <cmath>
#include <map>
#include <string>

#include "base/json.h"
#include "infer/catboost/features.h"
#include "infer/value_number.h"

namespace tidemill::infer::catboost {
namespace {

using trees::Transform;

// While it is read, a JSON model takes about ten times its text as Values.
constexpr std::size_t kJsonBytesMax = 256u << 20;
constexpr std::size_t kDepthMax = 16;  // CatBoost's own limit
constexpr std::string_view kBinaryMagic = "CBM1";

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

struct Known {
  Transform transform;
  const char* objective;  // XGBoost's name, by which answers are encoded
};
constexpr Known kValue{Transform::identity, "reg:squarederror"};
constexpr Known kRank{Transform::identity, "rank:ndcg"};
// The transforms of predict() and, for classifiers, predict_proba() for each loss function.
const std::map<std::string_view, Known> kLosses = {
    {"Logloss", {Transform::sigmoid, "binary:logistic"}},
    {"CrossEntropy", {Transform::sigmoid, "binary:logistic"}},
    {"Focal", {Transform::sigmoid, "binary:logistic"}},
    {"MultiClass", {Transform::softmax, "multi:softprob"}},
    {"MultiClassOneVsAll", {Transform::sigmoid, "multi:softprob"}},
    {"MultiLogloss", {Transform::sigmoid, "reg:logistic"}},
    {"MultiCrossEntropy", {Transform::sigmoid, "reg:logistic"}},
    {"Poisson", {Transform::exponential, "count:poisson"}},
    {"Tweedie", {Transform::exponential, "reg:tweedie"}},
    {"RMSE", kValue},
    {"MAE", {Transform::identity, "reg:absoluteerror"}},
    {"Quantile", {Transform::identity, "reg:quantileerror"}},
    {"GroupQuantile", {Transform::identity, "reg:quantileerror"}},
    {"MultiQuantile", kValue},
    {"MultiRMSE", kValue},
    {"MultiRMSEWithMissingValues", kValue},
    {"LogLinQuantile", kValue},
    {"MAPE", kValue},
    {"Lq", kValue},
    {"Huber", kValue},
    {"Expectile", kValue},
    {"LogCosh", kValue},
    {"Cox", kValue},
    {"QueryRMSE", kRank},
    {"QuerySoftMax", kRank},
    {"QueryCrossEntropy", kRank},
    {"PairLogit", kRank},
    {"PairLogitPairwise", kRank},
    {"YetiRank", kRank},
    {"YetiRankPairwise", kRank},
    {"LambdaMart", kRank},
    {"StochasticRank", kRank},
    {"StochasticFilter", kRank},
};

Result<Known> known_loss(const Value& model) {
  const Value* at = &model;
  for (const char* name : {"model_info", "params", "loss_function", "type"})
    at = at ? at->find(name) : nullptr;
  const std::string* name = at ? at->as_string() : nullptr;
  if (!name) return wrong("the model does not say its loss function");
  auto known = kLosses.find(*name);
  if (known == kLosses.end())
    return wrong("the loss function " + name->substr(0, 64) + " is not known");
  return known->second;
}

class ModelReader {
 public:
  ModelReader(const Features& features, trees::Ensemble& ensemble)
      : features_(features), ensemble_(ensemble) {}

  Result<void> read(const Value& model) {
    TRY(read_scale_and_bias(model));
    const bool oblivious = model.find("oblivious_trees") != nullptr;
    const Value* found = model.find(oblivious ? "oblivious_trees" : "trees");
    const ValueList* list = found ? found->as_list() : nullptr;
    if (!list) return wrong("the model has neither oblivious_trees nor trees");
    if (list->size() > trees::kTreesMax) return wrong("the model has too many trees");
    for (const Value& one : *list) {
      trees::Tree tree;
      tree.weight = scale_;
      tree.leaf_width = static_cast<std::uint32_t>(ensemble_.output_count);
      Result<void> result = oblivious ? read_oblivious(one, tree) : read_node(one, tree);
      nodes_ += tree.nodes.size();
      if (result && nodes_ > trees::kNodesMax) result = wrong("more nodes than are read");
      if (!result)
        return wrong("tree " + std::to_string(ensemble_.trees.size()) + ": " +
                     result.error().message);
      ensemble_.trees.push_back(std::move(tree));
    }
    return {};
  }

 private:
  // "scale_and_bias": [1, [0.5]]; version 0.2x wrote a plain number for the bias.
  Result<void> read_scale_and_bias(const Value& model) {
    const Value* found = model.find("scale_and_bias");
    const ValueList* pair = found ? found->as_list() : nullptr;
    if (!pair || pair->size() != 2) return wrong("the model has no scale_and_bias");
    scale_ = number_or_nan(&(*pair)[0]);
    const ValueList single{(*pair)[1]};
    const ValueList* biases = (*pair)[1].as_list() ? (*pair)[1].as_list() : &single;
    for (const Value& bias : *biases) ensemble_.base.push_back(number_or_nan(&bias));
    ensemble_.output_count = ensemble_.base.size();
    if (std::isnan(scale_) || ensemble_.base.empty() || ensemble_.output_count > trees::kOutputsMax)
      return wrong("scale_and_bias are not numbers");
    return {};
  }

  Result<void> add_values(const ValueList& values, trees::Tree& tree) {
    for (const Value& value : values) {
      tree.leaf_values.push_back(number_or_nan(&value));
      if (std::isnan(tree.leaf_values.back())) return wrong("a leaf's value is not a number");
    }
    return {};
  }

  // Split i of an oblivious tree gives bit i of the leaf's number.
  Result<void> read_oblivious(const Value& one, trees::Tree& tree) {
    const Value *splits_value = one.find("splits"), *leaves_value = one.find("leaf_values");
    const ValueList* leaves = leaves_value ? leaves_value->as_list() : nullptr;
    static const ValueList kNone;
    const ValueList* splits = splits_value ? splits_value->as_list() : &kNone;
    if (!splits) splits = &kNone;  // null: a tree that is a single leaf
    if (!leaves) return wrong("no leaf_values");
    if (splits->size() > kDepthMax) return wrong("deeper than CatBoost allows");
    if (leaves->size() != (std::size_t{1} << splits->size()) * ensemble_.output_count)
      return wrong("leaf_values do not fit the splits");
    TRY(add_values(*leaves, tree));
    std::vector<Features::Split> levels;
    for (const Value& split : *splits) levels.push_back(TRY(features_.split(split, tree)));
    place_level(levels, 0, 0, tree);
    return {};
  }

  // Returns the index of the subtree's root.
  std::int32_t place_level(const std::vector<Features::Split>& levels, std::size_t level,
                           std::uint32_t leaf, trees::Tree& tree) {
    const std::size_t place = tree.nodes.size();
    tree.nodes.emplace_back();
    if (level == levels.size()) {
      tree.nodes[place].leaf = leaf;
      return static_cast<std::int32_t>(place);
    }
    tree.nodes[place] = levels[level].node;
    const std::uint32_t bit = 1u << level;
    const bool true_left = levels[level].true_left;
    const std::int32_t left = place_level(levels, level + 1, leaf | (true_left ? bit : 0), tree);
    const std::int32_t right = place_level(levels, level + 1, leaf | (true_left ? 0 : bit), tree);
    tree.nodes[place].left = left;
    tree.nodes[place].right = right;
    return static_cast<std::int32_t>(place);
  }

  // {"split": .., "left": .., "right": ..} or {"value": ..}; JSON's nesting limit bounds it.
  Result<void> read_node(const Value& one, trees::Tree& tree) {
    const std::size_t place = tree.nodes.size();
    tree.nodes.emplace_back();
    const Value *split = one.find("split"), *left = one.find("left"), *right = one.find("right");
    if (!split) {
      const Value* value = one.find("value");
      if (!value) return wrong("a node has neither split nor value");
      const ValueList single{*value};
      const ValueList& values = value->as_list() ? *value->as_list() : single;
      if (values.size() != ensemble_.output_count)
        return wrong("a leaf has too few or many values");
      tree.nodes[place].leaf =
          static_cast<std::uint32_t>(tree.leaf_values.size() / ensemble_.output_count);
      return add_values(values, tree);
    }
    if (!left || !right) return wrong("a split lacks a branch");
    const Features::Split found = TRY(features_.split(*split, tree));
    tree.nodes[place] = found.node;
    // "right" is the side for rows that meet the condition.
    tree.nodes[place].left = static_cast<std::int32_t>(tree.nodes.size());
    TRY(read_node(found.true_left ? *right : *left, tree));
    tree.nodes[place].right = static_cast<std::int32_t>(tree.nodes.size());
    return read_node(found.true_left ? *left : *right, tree);
  }

  const Features& features_;
  trees::Ensemble& ensemble_;
  double scale_ = 1;
  std::size_t nodes_ = 0;
};

}  // namespace

bool looks_like_binary(std::string_view head) { return head.starts_with(kBinaryMagic); }

std::unexpected<Error> refuse_binary() {
  return wrong(
      "CatBoost's binary format (.cbm) is not read; save the model with "
      "save_model(\"model.json\", format=\"json\") or format=\"onnx\"");
}

bool looks_like_model(std::string_view text) {
  return text.find("\"features_info\"") != std::string_view::npos &&
         text.find("\"scale_and_bias\"") != std::string_view::npos;
}

Result<JsonModel> parse_model(std::string_view text) {
  if (text.size() > kJsonBytesMax) return wrong("the model is larger than is read");
  const Value document = TRY(parse_json(text));
  const Known loss = TRY(known_loss(document));
  const Features features = TRY(Features::read(document));
  JsonModel model;
  model.ensemble.feature_count = features.count();
  model.ensemble.sum_in_double = true;
  model.ensemble.base_last = true;
  TRY(ModelReader(features, model.ensemble).read(document));
  model.transform.kind = loss.transform;
  model.facts.objective = loss.objective;
  if (model.facts.objective == "multi:softprob")
    model.facts.class_count = model.ensemble.output_count;
  return model;
}

Result<std::unique_ptr<Model>> load_model(std::string_view text) {
  JsonModel model = TRY(parse_model(text));
  return make_ensemble_model(model.ensemble, model.transform, std::move(model.facts));
}

}  // namespace tidemill::infer::catboost
