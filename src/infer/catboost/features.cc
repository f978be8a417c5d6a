#include "infer/catboost/features.h"

#include <cmath>
#include <limits>
#include <string>

#include "infer/catboost/category_hash.h"
#include "infer/value_number.h"

namespace tidemill::infer::catboost {
namespace {

// Categories that are whole numbers below this are recognized.
constexpr std::uint32_t kCategoriesMax = 1u << 16;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

Result<std::size_t> column_of(const Value& feature) {
  const auto index = whole_number(feature.find("flat_feature_index"));
  if (!index || *index >= trees::kFeaturesMax) return wrong("a feature has no place in the row");
  return static_cast<std::size_t>(*index);
}

}  // namespace

Result<Features> Features::read(const Value& model) {
  const Value* info = model.find("features_info");
  if (!info) return wrong("the model has no features_info");
  Features features;
  auto list = [&](const char* name) -> const ValueList& {
    static const ValueList kNone;
    const Value* found = info->find(name);
    const ValueList* values = found ? found->as_list() : nullptr;
    return values ? *values : kNone;
  };
  // Splits name features by their index among those of their kind.
  for (const Value& feature : list("float_features")) {
    Column column{TRY(column_of(feature)), true};
    const Value* treatment = feature.find("nan_value_treatment");
    const std::string* text = treatment ? treatment->as_string() : nullptr;
    // "AsFalse" and "AsIs": a comparison with NaN is false.
    column.missing_left = !text || *text != "AsTrue";
    features.floats_.push_back(column);
    features.count_ = std::max(features.count_, column.index + 1);
  }
  for (const Value& feature : list("categorical_features")) {
    features.categories_.push_back({TRY(column_of(feature)), true});
    features.count_ = std::max(features.count_, features.categories_.back().index + 1);
  }
  for (const char* other : {"text_features", "embedding_features"})
    if (!list(other).empty())
      return wrong(std::string(other) + " have no place in rows of numbers");
  if (features.count_ == 0) return wrong("the model has no features");
  if (!features.categories_.empty())
    for (std::uint32_t number = 0; number < kCategoriesMax; ++number)
      features.numbers_of_hash_[hash_category(std::to_string(number))].push_back(number);
  return features;
}

Result<Features::Split> Features::split(const Value& split, trees::Tree& tree) const {
  const Value* type = split.find("split_type");
  const std::string* name = type ? type->as_string() : nullptr;
  if (!name) return wrong("a split has no split_type");
  if (*name == "OneHotFeature") return one_hot(split, tree);
  if (*name == "OnlineCtr")
    return wrong(
        "splits by target statistics of categories (OnlineCtr) are not read; train with "
        "one_hot_max_size above the number of categories, or encode them before");
  if (*name != "FloatFeature") return wrong("splits of type " + *name + " are not read");
  const auto feature = whole_number(split.find("float_feature_index"));
  const double border = number_or_nan(split.find("border"));
  if (!feature || *feature >= floats_.size()) return wrong("a split has no feature");
  if (std::isnan(border)) return wrong("a split has no border");
  trees::Node node;
  node.kind = trees::NodeKind::less_equal;
  node.feature = static_cast<std::uint32_t>(floats_[*feature].index);
  node.threshold = border;
  node.missing_left = floats_[*feature].missing_left;
  return Split{node, false};  // the condition is: above the border
}

Result<Features::Split> Features::one_hot(const Value& split, trees::Tree& tree) const {
  const auto feature = whole_number(split.find("cat_feature_index"));
  const double hash = number_or_nan(split.find("value"));
  if (!feature || *feature >= categories_.size()) return wrong("a split has no feature");
  // Written as a signed 32-bit number.
  if (!(hash >= std::numeric_limits<std::int32_t>::min() &&
        hash <= std::numeric_limits<std::uint32_t>::max()))
    return wrong("a category is not a hash");
  const auto bits = static_cast<std::uint32_t>(static_cast<std::int64_t>(hash));
  auto numbers = numbers_of_hash_.find(bits);
  if (numbers == numbers_of_hash_.end())
    return wrong("a category is not a whole number from 0 to " +
                 std::to_string(kCategoriesMax - 1) +
                 "; texts have no place in rows of numbers, so encode them before training");
  std::vector<std::uint32_t> set;
  for (std::uint32_t number : numbers->second) {
    if (set.size() <= number / 32) set.resize(number / 32 + 1);
    set[number / 32] |= 1u << number % 32;
  }
  trees::Node node;
  node.kind = trees::NodeKind::in_set;
  node.feature = static_cast<std::uint32_t>(categories_[*feature].index);
  node.categories = static_cast<std::uint32_t>(tree.category_sets.size());
  tree.category_sets.push_back(std::move(set));
  return Split{node, true};  // a set sends its members left
}

}  // namespace tidemill::infer::catboost
