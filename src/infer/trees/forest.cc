#include "infer/trees/forest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace tidemill::infer {
namespace {

constexpr std::size_t kGroupsMax = 1024;  // classes

std::unexpected<Error> unknown(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// XGBoost writes its parameters as text: {"num_class": "3"}.
std::string text_at(const Value* object, std::string_view name) {
  const Value* found = object ? object->find(name) : nullptr;
  const std::string* text = found ? found->as_string() : nullptr;
  return text ? *text : std::string();
}

double number(const Value& value) {
  if (const double* real = value.get_if<double>()) return *real;
  if (const std::int64_t* whole = value.get_if<std::int64_t>()) return static_cast<double>(*whole);
  if (const bool* truth = value.get_if<bool>()) return *truth ? 1 : 0;
  return std::numeric_limits<double>::quiet_NaN();
}

Result<const ValueList*> list_at(const Value& object, std::string_view name) {
  const Value* found = object.find(name);
  const ValueList* list = found ? found->as_list() : nullptr;
  if (!list) return unknown("the model has no list " + std::string(name));
  return list;
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

}  // namespace

Result<Forest> Forest::read(const Value& model, std::size_t rounds) {
  const Value* learner = model.find("learner");
  const Value* booster = learner ? learner->find("gradient_booster") : nullptr;
  if (!booster) return unknown("the model has no gradient_booster");
  Forest forest;
  TRY(forest.read_objective(*learner));
  TRY(forest.read_booster(*booster, rounds));
  return forest;
}

Result<void> Forest::read_objective(const Value& learner) {
  const Value* parameters = learner.find("learner_model_param");
  feature_count_ = std::strtoul(text_at(parameters, "num_feature").c_str(), nullptr, 10);
  const std::size_t classes = std::strtoul(text_at(parameters, "num_class").c_str(), nullptr, 10);
  const float base = std::strtof(text_at(parameters, "base_score").c_str(), nullptr);
  const std::string objective = text_at(learner.find("objective"), "name");
  groups_ = std::max<std::size_t>(classes, 1);
  if (groups_ > kGroupsMax) return unknown("too many classes");
  base_margin_ = base;
  if (objective == "binary:logistic" || objective == "reg:logistic") {
    transform_ = Transform::sigmoid;
    base_margin_ = -std::log(1.0f / base - 1.0f);
  } else if (objective == "binary:hinge") {
    transform_ = Transform::step;
  } else if (objective == "count:poisson" || objective == "reg:gamma" ||
             objective == "reg:tweedie" || objective == "survival:cox" ||
             objective == "survival:aft") {
    transform_ = Transform::exponential;
    base_margin_ = std::log(base);
  } else if (objective == "multi:softprob") {
    transform_ = Transform::softmax;
  } else if (objective == "multi:softmax") {
    transform_ = Transform::arg_max;
  } else if (objective != "binary:logitraw" && !objective.starts_with("reg:") &&
             !objective.starts_with("rank:")) {
    return unknown("the objective " + objective + " is not known");
  }
  columns_ = transform_ == Transform::softmax ? groups_ : 1;
  if (groups_ > 1 && transform_ != Transform::softmax && transform_ != Transform::arg_max)
    return unknown("several outputs of the objective " + objective);
  return {};
}

Result<void> Forest::read_booster(const Value& booster, std::size_t rounds) {
  const std::string name = text_at(&booster, "name");
  const Value* gbtree = &booster;
  if (name == "dart") {
    gbtree = booster.find("gbtree");
    for (const Value& weight : *TRY(list_at(booster, "weight_drop")))
      weight_of_tree_.push_back(static_cast<float>(number(weight)));
  } else if (name != "gbtree") {
    return unknown("the booster " + name + " has no trees");
  }
  const Value* model = gbtree ? gbtree->find("model") : nullptr;
  if (!model) return unknown("the booster has no model");
  const ValueList& trees = *TRY(list_at(*model, "trees"));
  const ValueList& groups = *TRY(list_at(*model, "tree_info"));
  const std::size_t parallel = std::max<std::size_t>(
      1, std::strtoul(text_at(model->find("gbtree_model_param"), "num_parallel_tree").c_str(),
                      nullptr, 10));
  const std::size_t count =
      rounds == 0 ? trees.size() : std::min(trees.size(), rounds * groups_ * parallel);
  if (groups.size() < count || (!weight_of_tree_.empty() && weight_of_tree_.size() < count))
    return unknown("the model is cut off");
  for (std::size_t i = 0; i < count; ++i) {
    const double group = number(groups[i]);
    if (!(group >= 0) || group >= static_cast<double>(groups_))
      return unknown("a tree belongs to no class");
    group_of_tree_.push_back(static_cast<std::uint32_t>(group));
    TRY(read_tree(trees[i]));
  }
  return {};
}

Result<void> Forest::read_tree(const Value& tree) {
  const ValueList& left = *TRY(list_at(tree, "left_children"));
  const ValueList& right = *TRY(list_at(tree, "right_children"));
  const ValueList& features = *TRY(list_at(tree, "split_indices"));
  const ValueList& values = *TRY(list_at(tree, "split_conditions"));
  const ValueList& default_left = *TRY(list_at(tree, "default_left"));
  const std::size_t count = left.size();
  if (count == 0 || right.size() != count || features.size() != count || values.size() != count ||
      default_left.size() != count)
    return unknown("a tree's lists differ in length");
  if (const Value* types = tree.find("split_type"); types && types->as_list())
    for (const Value& type : *types->as_list())
      if (number(type) != 0) return unknown("categorical splits");
  const std::size_t root = nodes_.size();
  roots_.push_back(root);
  for (std::size_t i = 0; i < count; ++i) {
    Node node{static_cast<float>(number(values[i])), 0, -1, -1};
    const double to_left = number(left[i]), to_right = number(right[i]);
    if (to_left >= 0) {
      const double feature = number(features[i]);
      // Children come after their parent, which also keeps every walk finite.
      const double size = static_cast<double>(count), here = static_cast<double>(i);
      if (!(to_left > here && to_left < size && to_right > here && to_right < size) ||
          !(feature >= 0 && feature < static_cast<double>(feature_count_)))
        return unknown("a tree's node leads nowhere");
      node.feature =
          static_cast<std::uint32_t>(feature) | (number(default_left[i]) != 0 ? kMissingLeft : 0);
      node.left = static_cast<std::int32_t>(root + static_cast<std::size_t>(to_left));
      node.right = static_cast<std::int32_t>(root + static_cast<std::size_t>(to_right));
    }
    nodes_.push_back(node);
  }
  if (nodes_.size() > std::numeric_limits<std::int32_t>::max()) return unknown("too many nodes");
  return {};
}

const Forest::Node& Forest::find_leaf(std::size_t root, const float* row) const {
  const Node* node = &nodes_[root];
  while (node->left >= 0) {
    const float value = row[node->feature & ~kMissingLeft];
    const bool go_left =
        std::isnan(value) ? (node->feature & kMissingLeft) != 0 : value < node->value;
    node = &nodes_[static_cast<std::size_t>(go_left ? node->left : node->right)];
  }
  return *node;
}

void Forest::transform(float* margins, float* out) const {
  switch (transform_) {
    case Transform::identity:
      out[0] = margins[0];
      return;
    case Transform::sigmoid:
      out[0] = sigmoid(margins[0]);
      return;
    case Transform::exponential:
      out[0] = std::exp(margins[0]);
      return;
    case Transform::step:
      out[0] = margins[0] > 0 ? 1.0f : 0.0f;
      return;
    case Transform::arg_max:
      out[0] = static_cast<float>(std::max_element(margins, margins + groups_) - margins);
      return;
    case Transform::softmax: {
      const float largest = *std::max_element(margins, margins + groups_);
      double sum = 0;
      for (std::size_t i = 0; i < groups_; ++i) {
        out[i] = std::exp(margins[i] - largest);
        sum += out[i];
      }
      for (std::size_t i = 0; i < groups_; ++i) out[i] /= static_cast<float>(sum);
      return;
    }
  }
}

void Forest::predict(const float* row, float* out) const {
  if (groups_ == 1) {
    float margin = base_margin_;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      const float leaf = find_leaf(roots_[i], row).value;
      margin += weight_of_tree_.empty() ? leaf : leaf * weight_of_tree_[i];
    }
    transform(&margin, out);
    return;
  }
  float margins[kGroupsMax];
  std::fill_n(margins, groups_, base_margin_);
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    const float leaf = find_leaf(roots_[i], row).value;
    margins[group_of_tree_[i]] += weight_of_tree_.empty() ? leaf : leaf * weight_of_tree_[i];
  }
  transform(margins, out);
}

std::vector<float> Forest::probe_rows(std::size_t count) const {
  std::vector<std::vector<float>> thresholds(feature_count_);
  for (const Node& node : nodes_)
    if (node.left >= 0) thresholds[node.feature & ~kMissingLeft].push_back(node.value);
  std::vector<float> rows(count * feature_count_);
  std::uint64_t state = 0x9E3779B97F4A7C15ull;  // the same rows each time
  auto draw = [&state](std::uint64_t below) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % below;
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& splits = thresholds[i % feature_count_];
    const std::uint64_t kind = draw(8);
    float value = static_cast<float>(draw(1000)) / 100.0f - 5.0f;
    if (!splits.empty()) value = splits[draw(splits.size())];  // exactly on a threshold: goes right
    if (kind == 0) value = std::numeric_limits<float>::quiet_NaN();
    if (kind < 3) value = std::nextafter(value, -std::numeric_limits<float>::infinity());
    rows[i] = value;
  }
  return rows;
}

}  // namespace tidemill::infer
