#include "train/xgboost/hyperparameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "train/xgboost/hyperparameter_table.h"

namespace tidemill::train::xgboost {
namespace {

std::unexpected<Error> client_error(std::string message) {
  return fail("ClientError", std::move(message));
}

std::string trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

// Framework estimators of the SageMaker SDK send every value as JSON: "\"auto\"".
std::string unquote(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

// "a,b" or "['a', 'b']" or ["a","b"].
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  std::string part;
  auto add = [&] {
    if (std::string element = trim(part); !element.empty()) out.push_back(element);
    part.clear();
  };
  for (char letter : text) {
    if (letter == ',')
      add();
    else if (letter != '[' && letter != ']' && letter != '\'' && letter != '"')
      part += letter;
  }
  add();
  return out;
}

std::string join(std::span<const std::string_view> names) {
  std::string out;
  for (std::string_view name : names) out += (out.empty() ? "'" : ", '") + std::string(name) + "'";
  return out;
}

std::string number_text(double value) {
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end);
}

std::string range_text(const HyperparameterRule& rule) {
  return (rule.minimum_open || std::isinf(rule.minimum) ? "(" : "[") + number_text(rule.minimum) +
         ", " + number_text(rule.maximum) +
         (rule.maximum_open || std::isinf(rule.maximum) ? ")" : "]");
}

Result<void> check_number(const HyperparameterRule& rule, const std::string& text) {
  const std::string name(rule.name);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return client_error("Hyperparameter " + name + ": could not parse value '" + text +
                        "' as a number");
  if (rule.kind == Kind::integer && value != std::floor(value))
    return client_error("Hyperparameter " + name + ": " + text + " is not an integer");
  const bool below = rule.minimum_open ? value <= rule.minimum : value < rule.minimum;
  const bool above = rule.maximum_open ? value >= rule.maximum : value > rule.maximum;
  if (below || above)
    return client_error("Hyperparameter " + name + ": " + text + " is not in " + range_text(rule));
  return {};
}

Result<void> check_value(const HyperparameterRule& rule, const std::string& text) {
  if (rule.kind == Kind::integer || rule.kind == Kind::real) return check_number(rule, text);
  if (rule.values.empty()) return {};
  std::vector<std::string> elements =
      rule.kind == Kind::list ? split_list(text) : std::vector<std::string>{text};
  for (const std::string& element : elements) {
    if (std::find(rule.values.begin(), rule.values.end(), element) != rule.values.end()) continue;
    if (element.starts_with("gpu_"))
      return client_error(
          "Hyperparameter " + std::string(rule.name) + ": " + element +
          " needs a GPU, which this runtime does not use; leave it out or choose one of " +
          join(rule.values));
    return client_error("Hyperparameter " + std::string(rule.name) + ": " + element +
                        " is not in [" + join(rule.values) + "]");
  }
  return {};
}

Result<void> add_metrics(const std::string& text, Hyperparameters& out) {
  auto knows = [](std::span<const std::string_view> names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const std::string& metric : split_list(text)) {
    const std::string base = metric.substr(0, metric.find('@'));
    const bool parametric = base != metric;
    if (parametric && base != "error" && base != "ndcg" && base != "map" &&
        base != "tweedie-nloglik")
      return client_error(
          "Hyperparameter eval_metric: '" + metric +
          "' does not take a threshold; only error, ndcg, map and tweedie-nloglik do");
    if (knows(custom_metrics(), base))
      out.custom_metrics.push_back(metric);
    else if (knows(builtin_metrics(), base))
      out.builtin_metrics.push_back(metric);
    else
      return client_error("Hyperparameter eval_metric: '" + metric + "' is not in [" +
                          join(builtin_metrics()) + ", " + join(custom_metrics()) + "]");
    out.last_metric = metric;
  }
  return {};
}

Result<void> check_together(const std::map<std::string, std::string>& given,
                            const Hyperparameters& parameters) {
  const bool multi = parameters.objective.starts_with("multi:");
  if (multi && !given.contains("num_class"))
    return client_error("Require input for parameter 'num_class' for multi-classification");
  if (!multi && given.contains("num_class"))
    return client_error(
        "Do not need to setup parameter 'num_class' for learning task other than "
        "multi-classification.");
  for (const std::string& metric : parameters.builtin_metrics)
    if (metric == "aft-nloglik" && parameters.objective != "survival:aft")
      return client_error("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.");
  return {};
}

Result<void> apply(const std::string& name, const std::string& value, Hyperparameters& out) {
  if (name == "num_round")
    out.rounds = std::stoi(value);
  else if (name == "early_stopping_rounds")
    out.early_stopping_rounds = std::stoi(value);
  else if (name == "csv_weights")
    out.csv_weights = value == "1";
  else if (name == "eval_metric")
    TRY(add_metrics(value, out));
  // Tidemill always saves on termination; there is one machine; the tuner reads its metric from
  // logs.
  else if (name == "save_model_on_termination" || name == "dsplit" ||
           name == "_tuning_objective_metric" || name == "use_dask_gpu_training")
    return {};
  else if (name == "silent")
    return {};  // XGBoost prints only errors and metrics here
  else {
    if (name == "objective") out.objective = value;
    std::string passed = value;
    if (name == "updater") {
      passed.clear();
      for (const std::string& updater : split_list(value))
        passed += (passed.empty() ? "" : ",") + updater;
    }
    out.booster.emplace_back(name, passed);
  }
  return {};
}

}  // namespace

bool larger_is_better(const std::string& metric) {
  static const char* const kLarger[] = {"auc",
                                        "aucpr",
                                        "map",
                                        "ndcg",
                                        "interval-regression-accuracy",
                                        "accuracy",
                                        "balanced_accuracy",
                                        "f1",
                                        "precision",
                                        "recall",
                                        "r2"};
  const std::string base = metric.substr(0, metric.find_first_of("@_"));
  return std::any_of(std::begin(kLarger), std::end(kLarger),
                     [&](const char* name) { return metric == name || base == name; });
}

Result<Hyperparameters> parse_hyperparameters(const std::map<std::string, std::string>& given,
                                              XgboostVersion version) {
  std::span<const HyperparameterRule> rules = hyperparameter_rules();
  Hyperparameters out;
  std::map<std::string, std::string> values;
  for (const auto& [written, raw] : given) {
    if (written.starts_with("sagemaker_")) continue;  // the SDK's own
    const std::string name(hyperparameter_name(written));
    if (name != written && given.contains(name))
      return client_error("Hyperparameter " + written + " is another name of " + name +
                          ", which is given, too");
    if (name == "_kfold" || name == "_num_cv_round")
      return client_error("Hyperparameter " + name +
                          ": cross-validation is not supported by Tidemill");
    auto rule = std::find_if(rules.begin(), rules.end(), [&](const HyperparameterRule& each) {
      return each.name == name && version >= each.since && version < each.until;
    });
    if (rule == rules.end()) return client_error("Extraneous hyperparameter found: " + name);
    const std::string value = trim(unquote(trim(raw)));
    TRY(check_value(*rule, value));
    values[name] = value;
  }
  if (!values.contains("num_round"))
    return client_error("Missing required hyperparameter: num_round");
  for (const auto& [name, value] : values) TRY(apply(name, value, out));
  TRY(check_together(values, out));
  return out;
}

}  // namespace tidemill::train::xgboost
