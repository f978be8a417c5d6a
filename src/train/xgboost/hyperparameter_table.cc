#include "train/xgboost/hyperparameter_table.h"

#include <utility>

namespace tidemill::train::xgboost {
namespace {

using Name = std::string_view;
constexpr Name kBoosters[] = {"gbtree", "gblinear", "dart"};
constexpr Name kTreeMethods[] = {"auto", "exact", "approx", "hist"};
constexpr Name kUpdaters[] = {"grow_colmaker",
                              "distcol",
                              "grow_histmaker",
                              "grow_local_histmaker",
                              "grow_quantile_histmaker",
                              "grow_skmaker",
                              "sync",
                              "refresh",
                              "prune",
                              "shotgun",
                              "coord_descent"};
constexpr Name kSplits[] = {"row", "col"};
constexpr Name kProcessTypes[] = {"default", "update"};
constexpr Name kGrowPolicies[] = {"depthwise", "lossguide"};
constexpr Name kPredictors[] = {"auto", "cpu_predictor"};
constexpr Name kSampleTypes[] = {"uniform", "weighted"};
constexpr Name kNormalizeTypes[] = {"tree", "forest"};
constexpr Name kSamplingMethods[] = {"uniform", "gradient_based"};
constexpr Name kNever[] = {"false"};  // needs GPUs
constexpr Name kBooleans[] = {"true", "false"};
constexpr Name kDistributions[] = {"normal", "logistic", "extreme"};
constexpr Name kObjectives[] = {
    "binary:logistic", "binary:logitraw", "binary:hinge",         "count:poisson",
    "multi:softmax",   "multi:softprob",  "rank:pairwise",        "rank:ndcg",
    "rank:map",        "reg:linear",      "reg:squarederror",     "reg:absoluteerror",
    "reg:logistic",    "reg:gamma",       "reg:pseudohubererror", "reg:squaredlogerror",
    "reg:tweedie",     "survival:aft",    "survival:cox"};
constexpr Name kBuiltinMetrics[] = {"rmse",
                                    "rmsle",
                                    "mae",
                                    "mape",
                                    "mphe",
                                    "logloss",
                                    "error",
                                    "merror",
                                    "mlogloss",
                                    "auc",
                                    "aucpr",
                                    "ndcg",
                                    "map",
                                    "aft-nloglik",
                                    "cox-nloglik",
                                    "gamma-nloglik",
                                    "gamma-deviance",
                                    "poisson-nloglik",
                                    "tweedie-nloglik",
                                    "interval-regression-accuracy"};
constexpr Name kCustomMetrics[] = {"accuracy",
                                   "balanced_accuracy",
                                   "f1",
                                   "f1_binary",
                                   "f1_macro",
                                   "precision",
                                   "precision_macro",
                                   "precision_micro",
                                   "recall",
                                   "recall_macro",
                                   "recall_micro",
                                   "mse",
                                   "r2"};

constexpr HyperparameterRule choice(Name name, Kind kind, std::span<const Name> values) {
  return {name, kind, -kInfinity, kInfinity, false, false, values};
}

// The container of 1.5 no longer has `silent`.
constexpr XgboostVersion kVerbosityOnly{1, 5};

constexpr HyperparameterRule kRules[] = {
    {"num_round", Kind::integer, 1},
    {"csv_weights", Kind::integer, 0, 1},
    {"early_stopping_rounds", Kind::integer, 1},
    choice("booster", Kind::category, kBoosters),
    {"silent", Kind::integer, 0, 1, false, false, {}, {}, kVerbosityOnly},
    {"verbosity", Kind::integer, 0, 3},
    {"nthread", Kind::integer, 1},
    {"eta", Kind::real, 0, 1},
    {"gamma", Kind::real, 0},
    {"max_depth", Kind::integer, 0},
    {"min_child_weight", Kind::real, 0},
    {"max_delta_step", Kind::real, 0},
    {"subsample", Kind::real, 0, 1, true},
    choice("sampling_method", Kind::category, kSamplingMethods),
    {"colsample_bytree", Kind::real, 0, 1, true},
    {"colsample_bylevel", Kind::real, 0, 1, true},
    {"colsample_bynode", Kind::real, 0, 1, true},
    {"lambda", Kind::real, 0},
    {"alpha", Kind::real, 0},
    choice("tree_method", Kind::category, kTreeMethods),
    {"sketch_eps", Kind::real, 0, 1, true, true},
    {"scale_pos_weight", Kind::real, 0, kInfinity, true},
    choice("updater", Kind::list, kUpdaters),
    choice("dsplit", Kind::category, kSplits),
    {"refresh_leaf", Kind::integer, 0, 1},
    choice("process_type", Kind::category, kProcessTypes),
    choice("grow_policy", Kind::category, kGrowPolicies),
    {"max_leaves", Kind::integer, 0},
    {"max_bin", Kind::integer, 0},
    choice("predictor", Kind::category, kPredictors),
    {"monotone_constraints", Kind::text},
    {"interaction_constraints", Kind::text},
    choice("sample_type", Kind::category, kSampleTypes),
    choice("normalize_type", Kind::category, kNormalizeTypes),
    {"rate_drop", Kind::real, 0, 1},
    {"one_drop", Kind::integer, 0, 1},
    {"skip_drop", Kind::real, 0, 1},
    {"lambda_bias", Kind::real, 0, 1},
    {"tweedie_variance_power", Kind::real, 1, 2, true, true},
    choice("objective", Kind::category, kObjectives),
    {"num_class", Kind::integer, 2},
    {"base_score", Kind::real, 0},
    {"huber_slope", Kind::real},
    {"eval_metric", Kind::list},  // its elements are checked apart: "error@0.7"
    {"seed", Kind::integer, -2147483648.0, 2147483647.0},
    {"num_parallel_tree", Kind::integer, 1},
    choice("save_model_on_termination", Kind::category, kBooleans),
    choice("aft_loss_distribution", Kind::category, kDistributions),
    {"aft_loss_distribution_scale", Kind::real, 0, kInfinity, true},
    choice("deterministic_histogram", Kind::category, kBooleans),
    choice("single_precision_histogram", Kind::category, kBooleans),
    {"prob_buffer_row", Kind::real, 1, kInfinity, true},
    choice("use_dask_gpu_training", Kind::category, kNever),
    {"_tuning_objective_metric", Kind::text},
};

}  // namespace

std::string_view hyperparameter_name(std::string_view given) {
  constexpr std::pair<Name, Name> kAliases[] = {{"learning_rate", "eta"},
                                                {"min_split_loss", "gamma"},
                                                {"reg_lambda", "lambda"},
                                                {"reg_alpha", "alpha"}};
  for (const auto& [alias, name] : kAliases)
    if (given == alias) return name;
  return given;
}

std::span<const HyperparameterRule> hyperparameter_rules() { return kRules; }
std::span<const std::string_view> builtin_metrics() { return kBuiltinMetrics; }
std::span<const std::string_view> custom_metrics() { return kCustomMetrics; }

}  // namespace tidemill::train::xgboost
