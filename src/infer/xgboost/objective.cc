#include "infer/xgboost/objective.h"

#include <cmath>

namespace tidemill::infer::xgboost {
namespace {

using trees::Transform;

struct Named {
  std::string_view name;
  Objective objective;
};

constexpr Named kObjectives[] = {
    {"reg:squarederror", {}},
    {"reg:linear", {}},
    {"reg:squaredlogerror", {}},
    {"reg:pseudohubererror", {}},
    {"reg:absoluteerror", {}},
    {"reg:quantileerror", {}},
    {"reg:expectileerror", {}},
    {"reg:logistic", {Transform::sigmoid, Objective::Base::logit}},
    {"reg:gamma", {Transform::exponential, Objective::Base::logarithm}},
    {"reg:tweedie", {Transform::exponential, Objective::Base::logarithm}},
    {"binary:logistic", {Transform::sigmoid, Objective::Base::logit}},
    {"binary:logitraw", {}},
    {"binary:hinge", {Transform::step, Objective::Base::same}},
    {"count:poisson", {Transform::exponential, Objective::Base::logarithm}},
    {"survival:cox", {Transform::exponential, Objective::Base::logarithm}},
    {"survival:aft", {Transform::exponential, Objective::Base::logarithm}},
    {"multi:softmax", {Transform::arg_max, Objective::Base::same}},
    {"multi:softprob", {Transform::softmax, Objective::Base::same}},
    {"rank:pairwise", {}},
    {"rank:ndcg", {}},
    {"rank:map", {}},
};

}  // namespace

std::optional<Objective> find_objective(std::string_view name) {
  for (const Named& each : kObjectives)
    if (each.name == name) return each.objective;
  return std::nullopt;
}

float margin_of(Objective::Base base, float score) {
  switch (base) {
    case Objective::Base::logit:
      return -std::log(1.0f / score - 1.0f);
    case Objective::Base::logarithm:
      return std::log(score);
    default:
      return score;
  }
}

}  // namespace tidemill::infer::xgboost
