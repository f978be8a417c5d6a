#include "services/sagemaker/jobs/training_job/metrics.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

namespace tidemill::services::sagemaker::jobs {

namespace {

// The metrics that AWS's algorithm defines, as its page on tuning and its container list them.
constexpr const char* kXgboostMetrics[] = {"accuracy",
                                           "auc",
                                           "aucpr",
                                           "balanced_accuracy",
                                           "f1",
                                           "f1_binary",
                                           "f1_macro",
                                           "map",
                                           "ndcg",
                                           "precision",
                                           "precision_macro",
                                           "precision_micro",
                                           "r2",
                                           "recall",
                                           "recall_macro",
                                           "recall_micro",
                                           "aft-nloglik",
                                           "cox-nloglik",
                                           "error",
                                           "gamma-deviance",
                                           "gamma-nloglik",
                                           "interval-regression-accuracy",
                                           "logloss",
                                           "mae",
                                           "mape",
                                           "merror",
                                           "mlogloss",
                                           "mphe",
                                           "mse",
                                           "poisson-nloglik",
                                           "rmse",
                                           "rmsle",
                                           "tweedie-nloglik"};

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

// When the line was written that a match ends in. Replacing tabs moves bytes, not lines.
Timestamp time_at(const compute::LogTail& log, std::string_view text, std::size_t match_end,
                  Timestamp ended) {
  std::string_view before = text.substr(0, match_end);
  // An expression may take the line's end along.
  if (before.ends_with('\n')) before.remove_suffix(1);
  const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n'));
  const auto next =
      std::ranges::upper_bound(log.moments, line, {}, &compute::LogTail::Moment::line);
  return next == log.moments.begin() ? ended : std::prev(next)->time;
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
  // The expressions that AWS's Describe shows for its algorithm.
  for (const char* channel : {"train", "validation"})
    for (const char* metric : kXgboostMetrics) {
      const std::string column = std::string(channel) + "-" + metric;
      definitions.push_back(
          {std::string(channel) + ":" + metric,
           ".*\\[[0-9]+\\].*#011" + column + ":([-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"});
    }
  return definitions;
}

std::vector<api::sagemaker::MetricDefinition> metric_definitions(const TrainingJob& job) {
  std::vector<api::sagemaker::MetricDefinition> definitions;
  if (!job.request.algorithm_specification) return definitions;
  const auto& algorithm = *job.request.algorithm_specification;
  const bool entrypoint =
      algorithm.container_entrypoint && !algorithm.container_entrypoint->empty();
  if (Result<Image> image = resolve_image(algorithm.training_image.value_or("")))
    definitions = builtin_metric_definitions(
        *image, entrypoint || is_script_mode(*image,
                                             job.request.hyper_parameters.value_or(
                                                 std::map<std::string, std::string>()),
                                             "sagemaker_program"));
  if (!algorithm.metric_definitions) return definitions;
  for (const auto& own : *algorithm.metric_definitions) {
    std::erase_if(definitions, [&](const auto& other) { return other.name == own.name; });
    definitions.push_back(own);
  }
  return definitions;
}

std::vector<TrainingMetric> final_metrics(
    const std::vector<api::sagemaker::MetricDefinition>& definitions, const compute::LogTail& log,
    Timestamp ended) {
  // Lines as programs wrote them and as AWS's logs show them: a tab there is "#011".
  std::string tabs(log.text), octal(log.text);
  RE2::GlobalReplace(&tabs, "#011", "\t");
  RE2::GlobalReplace(&octal, "\t", "#011");
  std::vector<TrainingMetric> metrics;
  for (const auto& definition : definitions) {
    const std::unique_ptr<RE2> expression = compile(definition.regex);
    if (!expression->ok() || expression->NumberOfCapturingGroups() < 1) continue;
    for (std::string_view text : {std::string_view(octal), std::string_view(tabs)}) {
      re2::StringPiece rest(text.data(), text.size());
      std::string found;
      std::optional<double> last;
      std::size_t last_end = 0;
      while (RE2::FindAndConsume(&rest, *expression, &found)) {
        if (std::optional<double> value = parse_number(found)) {
          last = value;
          last_end = static_cast<std::size_t>(rest.data() - text.data());
        }
        if (found.empty() && !rest.empty()) rest.remove_prefix(1);  // an empty match stands still
        if (rest.empty()) break;
      }
      if (!last) continue;
      metrics.push_back({definition.name, *last, time_at(log, text, last_end, ended)});
      break;
    }
  }
  return metrics;
}

}  // namespace tidemill::services::sagemaker::jobs
