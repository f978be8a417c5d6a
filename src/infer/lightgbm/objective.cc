#include "infer/lightgbm/objective.h"

#include <map>
#include <string>

#include "infer/lightgbm/text_section.h"

namespace tidemill::infer::lightgbm {
namespace {

using Kind = trees::Transform;

struct Known {
  Kind kind;
  const char* objective;  // XGBoost's name, by which answers are encoded
};

// LightGBM's names and those of its version 2.
const std::map<std::string_view, Known> kObjectives = {
    {"regression", {Kind::identity, "reg:squarederror"}},
    {"regression_l1", {Kind::identity, "reg:absoluteerror"}},
    {"huber", {Kind::identity, "reg:pseudohubererror"}},
    {"fair", {Kind::identity, "reg:squarederror"}},
    {"quantile", {Kind::identity, "reg:quantileerror"}},
    {"mape", {Kind::identity, "reg:absoluteerror"}},
    {"poisson", {Kind::exponential, "count:poisson"}},
    {"gamma", {Kind::exponential, "reg:gamma"}},
    {"tweedie", {Kind::exponential, "reg:tweedie"}},
    {"binary", {Kind::sigmoid, "binary:logistic"}},
    {"multiclass", {Kind::softmax, "multi:softprob"}},
    {"multiclassova", {Kind::sigmoid, "multi:softprob"}},
    {"cross_entropy", {Kind::sigmoid, "reg:logistic"}},
    {"xentropy", {Kind::sigmoid, "reg:logistic"}},
    {"cross_entropy_lambda", {Kind::softplus, "reg:logistic"}},
    {"xentlambda", {Kind::softplus, "reg:logistic"}},
    {"lambdarank", {Kind::identity, "rank:ndcg"}},
    {"rank_xendcg", {Kind::identity, "rank:ndcg"}},
    {"xendcg", {Kind::identity, "rank:ndcg"}},
    {"custom", {Kind::identity, "reg:squarederror"}},
};

}  // namespace

Result<Objective> read_objective(std::string_view line, bool has_objective,
                                 std::size_t class_count) {
  const std::string_view name = has_objective ? detail::next_word(line) : "custom";
  auto known = kObjectives.find(name);
  if (known == kObjectives.end())
    return fail(codes::kInvalid,
                "the objective '" + std::string(name.substr(0, 64)) + "' is not known");
  Objective out{{known->second.kind}, {known->second.objective}};
  const bool classes = out.facts.objective == "multi:softprob";
  if (classes) out.facts.class_count = class_count;
  for (std::string_view word = detail::next_word(line); !word.empty();
       word = detail::next_word(line)) {
    constexpr std::string_view kSigmoid = "sigmoid:";
    if (word == "sqrt" && out.transform.kind == Kind::identity) {
      out.transform.kind = Kind::signed_square;
    } else if (word.starts_with(kSigmoid) && (name == "binary" || name == "multiclassova")) {
      word.remove_prefix(kSigmoid.size());
      if (!detail::parse_number(word, out.transform.scale))
        return fail(codes::kInvalid, "the objective's sigmoid is not a number");
    }
  }
  return out;
}

}  // namespace tidemill::infer::lightgbm
