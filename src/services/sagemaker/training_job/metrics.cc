#include "services/sagemaker/training_job/metrics.h"

#include <re2/re2.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

namespace tidemill::services::sagemaker {

namespace {

std::unique_ptr<RE2> compile(const std::string& expression) {
  RE2::Options options;
  options.set_log_errors(false);
  return std::make_unique<RE2>(expression, options);
}

std::optional<double> parse_number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value)) return {};
  return value;
}

}  // namespace

Result<void> check_metric_definitions(
    const std::vector<api::sagemaker::MetricDefinition>& definitions) {
  for (const auto& definition : definitions) {
    const std::unique_ptr<RE2> expression = compile(definition.regex);
    if (!expression->ok())
      return fail("ValidationException", "The regular expression of the metric '" +
                                             definition.name +
                                             "' is not valid: " + expression->error());
    if (expression->NumberOfCapturingGroups() < 1)
      return fail("ValidationException", "The regular expression of the metric '" +
                                             definition.name +
                                             "' needs a group in parentheses for the value.");
  }
  return {};
}

std::vector<api::sagemaker::MetricDefinition> builtin_metric_definitions(const Image& image,
                                                                         bool script_mode) {
  std::vector<api::sagemaker::MetricDefinition> definitions;
  if (image.runtime != Runtime::xgboost || script_mode) return definitions;
  // The metrics that AWS's algorithm defines, as its page on tuning lists them.
  for (const char* channel : {"train", "validation"})
    for (const char* metric : {"accuracy",
                               "auc",
                               "aucpr",
                               "error",
                               "f1",
                               "f1_binary",
                               "f1_macro",
                               "gamma-deviance",
                               "gamma-nloglik",
                               "logloss",
                               "mae",
                               "map",
                               "merror",
                               "mlogloss",
                               "mse",
                               "ndcg",
                               "poisson-nloglik",
                               "precision",
                               "r2",
                               "recall",
                               "rmse",
                               "rmsle",
                               "tweedie-nloglik"}) {
      const std::string name = std::string(channel) + ":" + metric;
      definitions.push_back(
          {name, std::string("\\[\\d+\\].*\\b") + channel + "-" + metric + ":(\\S+)"});
    }
  return definitions;
}

std::vector<TrainingMetric> final_metrics(
    const std::vector<api::sagemaker::MetricDefinition>& definitions, std::string_view log,
    Timestamp time) {
  std::string tabs(log);
  RE2::GlobalReplace(&tabs, "#011", "\t");
  std::vector<TrainingMetric> metrics;
  for (const auto& definition : definitions) {
    const std::unique_ptr<RE2> expression = compile(definition.regex);
    if (!expression->ok() || expression->NumberOfCapturingGroups() < 1) continue;
    for (std::string_view text : {std::string_view(tabs), log}) {
      re2::StringPiece rest(text.data(), text.size());
      std::string found;
      std::optional<double> last;
      while (RE2::FindAndConsume(&rest, *expression, &found)) {
        if (std::optional<double> value = parse_number(found)) last = value;
        if (found.empty() && !rest.empty()) rest.remove_prefix(1);  // an empty match stands still
        if (rest.empty()) break;
      }
      if (!last) continue;
      metrics.push_back({definition.name, *last, time});
      break;
    }
  }
  return metrics;
}

}  // namespace tidemill::services::sagemaker
