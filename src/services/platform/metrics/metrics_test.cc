#include "services/platform/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace tidemill::services::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Metrics, The_text_is_prometheus_exposition) {
  MetricRegistry metrics;
  Counter& calls = metrics.counter({.name = "calls_total", .help = "Calls."}, {{"service", "s3"}});
  metrics.counter({.name = "calls_total"}, {{"service", "a\"b\\c\nd"}}).add(2);
  metrics.gauge({.name = "depth", .kind = MetricKind::gauge}).set(-7);
  Histogram& times = metrics.histogram(
      {.name = "seconds", .kind = MetricKind::histogram, .help = "How long."}, {0.1, 1});
  calls.add();
  calls.add(9'007'199'254'740'990);
  for (double value : {0.1, 0.05, 0.5, 20.25}) times.observe(value);
  EXPECT_EQ(metrics.text(),
            "# HELP calls_total Calls.\n"
            "# TYPE calls_total counter\n"
            "calls_total{service=\"s3\"} 9007199254740991\n"
            "calls_total{service=\"a\\\"b\\\\c\\nd\"} 2\n"
            "# TYPE depth gauge\n"
            "depth -7\n"
            "# HELP seconds How long.\n"
            "# TYPE seconds histogram\n"
            "seconds_bucket{le=\"0.1\"} 2\n"
            "seconds_bucket{le=\"1\"} 3\n"
            "seconds_bucket{le=\"+Inf\"} 4\n"
            "seconds_sum 20.9\n"
            "seconds_count 4\n");
}

TEST(Metrics, Values_that_others_keep_are_read_when_somebody_asks) {
  MetricRegistry metrics;
  std::atomic<std::uint64_t> kept = 1;
  std::vector<MetricSample> rows;
  metrics.add({.name = "kept_total"}, reading(kept));
  metrics.add_family({.name = "queue", .kind = MetricKind::gauge}, [&rows] { return rows; });
  kept = 5;
  EXPECT_THAT(metrics.text(), HasSubstr("kept_total 5\n# TYPE queue gauge\n"));
  rows = {{{{"name", "a"}}, 1.5}};
  EXPECT_THAT(metrics.text(), HasSubstr("queue{name=\"a\"} 1.5\n"));
}

TEST(Metrics, Names_of_cloudwatch_stand_beside_those_of_prometheus) {
  MetricRegistry metrics;
  metrics
      .counter({.name = "invocations_total",
                .help = "Requests.",
                .aws_namespace = "AWS/SageMaker",
                .aws_name = "Invocations"})
      .add(3);
  const std::vector<MetricFamily> families = metrics.collect();
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].spec.aws_name, "Invocations");
  EXPECT_EQ(families[0].samples[0].value, 3);
  EXPECT_THAT(
      metrics.text(),
      HasSubstr("# HELP invocations_total Requests. CloudWatch: AWS/SageMaker Invocations."));
}

TEST(Metrics, The_same_name_and_labels_are_one_metric) {
  MetricRegistry metrics;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&metrics] {
      for (int turn = 0; turn < 1000; ++turn) {
        metrics.counter({.name = "calls_total"}, {{"turn", std::to_string(turn % 3)}}).add();
        if (turn % 100 == 0) (void)metrics.text();
      }
    });
  threads.clear();
  const std::vector<MetricFamily> families = metrics.collect();
  ASSERT_EQ(families.size(), 1u);
  std::vector<double> values;
  for (const MetricSample& sample : families[0].samples) values.push_back(sample.value);
  std::ranges::sort(values);
  EXPECT_THAT(values, ElementsAre(1332, 1332, 1336));
}

TEST(Metrics, Mistakes_in_code_abort_with_the_name) {
  MetricRegistry metrics;
  metrics.counter({.name = "a_total"});
  EXPECT_DEATH(metrics.gauge({.name = "a_total", .kind = MetricKind::gauge}), "a_total");
  EXPECT_DEATH(metrics.add({.name = "a_total"}, [] { return 1.0; }), "a_total");
  EXPECT_DEATH(metrics.counter({.name = "a-b"}), "a-b");
  EXPECT_DEATH(metrics.counter({.name = "b"}, {{"x y", "1"}}), "x y");
  metrics.add_family({.name = "rows"}, [] { return std::vector<MetricSample>(); });
  EXPECT_DEATH(metrics.counter({.name = "rows"}), "rows");
}

}  // namespace
}  // namespace tidemill::services::platform
