#include "services/sagemaker/jobs/training_job/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::jobs {
namespace {

std::map<std::string, double> values(const std::vector<TrainingMetric>& metrics) {
  std::map<std::string, double> out;
  for (const TrainingMetric& metric : metrics) out[metric.name] = metric.value;
  return out;
}

std::vector<TrainingMetric> metrics_of(
    const std::vector<api::sagemaker::MetricDefinition>& definitions, const char* log,
    Timestamp ended) {
  return final_metrics(definitions, {log, {}}, ended);
}

TEST(TrainingMetrics, TheirTimeIsWhenTheirLineWasWritten) {
  const compute::LogTail log{"loss=3\nloss=2\t#011x\nacc=1\nother\nloss=oops\nend=5\n",
                             {{1, {100}}, {2, {200}}, {4, {300}}}};
  const auto metrics = final_metrics(
      {{"loss", "loss=([0-9]+)"}, {"acc", "acc=(.*)"}, {"end", "end=(.*)\\s"}, {"tab", "#011(x)"}},
      log, {999});
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[0].time.microseconds, 100);
  EXPECT_EQ(metrics[1].time.microseconds, 200);
  EXPECT_EQ(metrics[2].time.microseconds, 300) << "the expression takes the line's end along";
  EXPECT_EQ(final_metrics({{"first", "(3)"}}, log, {999})[0].time.microseconds, 999);
}

TEST(TrainingMetrics, LastValueOfEachDefinitionCounts) {
  const auto metrics = metrics_of({{"loss", "loss=([0-9.]+)"}, {"acc", "acc: (\\S+);"}},
                                  "epoch 1 loss=0.9 acc: 0.5;\nepoch 2 loss=0.25\n", {7});
  EXPECT_EQ(values(metrics), (std::map<std::string, double>{{"loss", 0.25}, {"acc", 0.5}}));
  EXPECT_EQ(metrics[0].time.microseconds, 7);
}

TEST(TrainingMetrics, BuiltInXgboost) {
  const Image image = *resolve_image("xgboost:1");
  const auto metrics = metrics_of(builtin_metric_definitions(image, false),
                                  "[0]#011train-auc:0.90000#011validation-auc:0.80000\n"
                                  "[1]#011train-auc:0.95000#011validation-auc:0.85000\n",
                                  {});
  EXPECT_EQ(values(metrics),
            (std::map<std::string, double>{{"train:auc", 0.95}, {"validation:auc", 0.85}}));
  EXPECT_EQ(values(metrics_of(builtin_metric_definitions(image, false),
                              "[9]\ttrain-rmse:1.5\tvalidation-rmse:1e-3\n", {})),
            (std::map<std::string, double>{{"train:rmse", 1.5}, {"validation:rmse", 0.001}}));
  EXPECT_TRUE(builtin_metric_definitions(image, true).empty());
  // Each metric that the algorithm can print has its definition, beside those of the same ending.
  EXPECT_EQ(values(metrics_of(builtin_metric_definitions(image, false),
                              "[3]#011train-balanced_accuracy:0.75000#011train-accuracy:0.5"
                              "0000#011validation-mape:1e+3#011validation-precision_macro:0.1\n",
                              {})),
            (std::map<std::string, double>{{"train:accuracy", 0.5},
                                           {"train:balanced_accuracy", 0.75},
                                           {"validation:mape", 1000},
                                           {"validation:precision_macro", 0.1}}));
}

TEST(TrainingMetrics, AJobHasItsAlgorithmsAndItsOwn) {
  TrainingJob job;
  auto& algorithm = job.request.algorithm_specification.ensure();
  algorithm.training_image = "sagemaker-xgboost:1.7-1";
  const std::size_t builtin = metric_definitions(job).size();
  EXPECT_EQ(builtin, 66u);
  algorithm.metric_definitions = {{"mine", "x=(.*)"}, {"train:auc", "y=(.*)"}};
  const auto definitions = metric_definitions(job);
  EXPECT_EQ(definitions.size(), builtin + 1);
  EXPECT_EQ(definitions.back().name, "train:auc");
  EXPECT_EQ(definitions.back().regex, "y=(.*)");
  algorithm.container_entrypoint = std::vector<std::string>{"/bin/sh"};
  EXPECT_EQ(metric_definitions(job).size(), 2u);
}

TEST(TrainingMetrics, OddExpressions) {
  EXPECT_TRUE(metrics_of({{"a", "(x*)"}}, "yyy", {}).empty());
  EXPECT_TRUE(metrics_of({{"a", "a=(nan)"}}, "a=nan", {}).empty());
  EXPECT_FALSE(check_metric_definitions({{"a", "("}}));
  EXPECT_FALSE(check_metric_definitions({{"a", "no group"}}));
  EXPECT_TRUE(check_metric_definitions({{"a", "#quality_metric: host=\\S+, train loss=(\\S+)"}}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
