#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <atomic>
#include <future>
#include <map>

#include "services/sagemaker_runtime/invocation.h"
#include "services/sagemaker_runtime/test_inference.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

using ::testing::HasSubstr;

// Loads the model on demand.
class OneSource final : public ModelSource {
 public:
  std::shared_ptr<const infer::Model> find(std::string_view target) override {
    return loads > 0 && target == "a.tar.gz" ? model_ : nullptr;
  }
  Result<std::shared_ptr<const infer::Model>> load(const std::string& target) override {
    if (target != "a.tar.gz") return fail("ValidationError", "no model " + target, 400);
    ++loads;
    return model_;
  }
  Result<std::string> fetch(const std::string&) override { return std::string("/opt/ml/models"); }
  std::atomic<int> loads = 0;

 private:
  std::shared_ptr<const infer::Model> model_ = std::make_shared<SumModel>();
};

TEST_F(InferenceTest, Native_models_answer) {
  put({native("AllTraffic", 1)});
  auto answer = invoke("1,2\n3,4");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "3.0,7.0");
  EXPECT_EQ(answer->invoked_variant, "AllTraffic");
}

TEST_F(InferenceTest, Large_bodies_answer_too) {
  put({native("AllTraffic", 1)});
  std::string body;
  while (body.size() <= kInlineBodyBytesMax) body += "1,2\n";
  auto answer = invoke(body);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(answer->body, ::testing::StartsWith("3.0,3.0,"));
  EXPECT_EQ(invoke(std::string(kLimits.body_bytes_max + 1, '1')).error().code, "ValidationError");
}

std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Each row takes 100 us of the thread's CPU time, in every kind of build.
class SlowModel final : public SumModel {
 public:
  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    const auto until = thread_time() + count * std::chrono::microseconds(100);
    while (thread_time() < until) {
    }
    return SumModel::predict_rows(rows, count, out);
  }
};

TEST_F(InferenceTest, A_model_that_takes_long_holds_up_no_loop) {
  SumModel quick;
  SlowModel slow;
  quick.measure_row_time();
  slow.measure_row_time();
  EXPECT_GE(slow.row_time(), std::chrono::microseconds(50));
  InvokeRequest what = request("1,2");
  EXPECT_TRUE(predicts_inline(what, quick));
  EXPECT_TRUE(predicts_inline(what, slow));
  // For 100 rows, 2 ms are 20 us each.
  for (int i = 1; i < 100; ++i) what.body += "\n1,2";
  EXPECT_TRUE(predicts_inline(what, quick));
  EXPECT_FALSE(predicts_inline(what, slow));
  // Two bytes make a row, however many features it has.
  what.content_type = "text/libsvm";
  what.body = std::string(4000, '1');
  EXPECT_FALSE(predicts_inline(what, slow));
  what.content_type = "application/x-parquet";
  what.body = "1";
  EXPECT_FALSE(predicts_inline(what, quick));
}

TEST_F(InferenceTest, An_answer_may_be_as_large_as_a_request) {
  put({native("AllTraffic", 1)});
  InvokeRequest what = request("");
  while (what.body.size() < kLimits.body_bytes_max / 2) what.body += "1,2\n";
  EXPECT_TRUE(invoke(what));
  what.accept = "application/json";  // wraps each number in {"score": ..}
  auto answer = invoke(what);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_THAT(answer.error().message,
              HasSubstr("bytes; at most " + std::to_string(kLimits.body_bytes_max)));
}

TEST_F(InferenceTest, A_target_model_is_for_multi_model_endpoints) {
  put({native("AllTraffic", 1)});
  InvokeRequest what = request("1,2");
  what.target_model = "a.tar.gz";
  auto answer = invoke(what);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ValidationError");
  EXPECT_EQ(answer.error().message,
            "Endpoint churn is not a multi-model endpoint and does not support target model "
            "header.");
}

TEST_F(InferenceTest, Unknown_endpoint_and_variant) {
  put({native("AllTraffic", 1)});
  EXPECT_EQ(invoke("1,2", "", "other").error().message,
            "Endpoint other of account 111122223333 not found.");
  EXPECT_THAT(invoke("1,2", "blue").error().message, HasSubstr("Variant blue not found"));
  routes_.remove("111122223333", "us-east-1", "churn");
  EXPECT_EQ(invoke("1,2").error().code, "ValidationError");
}

TEST_F(InferenceTest, Model_errors_carry_what_the_model_said) {
  put({native("AllTraffic", 1)});
  auto answer = invoke("1,abc");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_EQ(answer.error().http_status, 424);
  EXPECT_EQ(answer.error().details["OriginalStatusCode"], "415");
  EXPECT_THAT(answer.error().details["OriginalMessage"], HasSubstr("row 1, column 2: 'abc'"));
  EXPECT_THAT(answer.error().message, HasSubstr("Received client error (415) from primary"));
}

TEST_F(InferenceTest, Variants_share_by_weight) {
  put({native("a", 3), native("b", 1), native("c", 0)});
  std::map<std::string, int> counts;
  for (int i = 0; i < 4000; ++i) ++counts[invoke("1,2")->invoked_variant];
  EXPECT_NEAR(counts["a"], 3000, 30);
  EXPECT_NEAR(counts["b"], 1000, 30);
  EXPECT_EQ(counts["c"], 0);
  EXPECT_EQ(invoke("1,2", "c")->invoked_variant, "c");
  put({native("a", 0), native("b", 0)});
  EXPECT_EQ(invoke("1,2").error().code, "ServiceUnavailable");
}

TEST_F(InferenceTest, A_process_that_is_not_there_is_unavailable) {
  put({process(1)});  // nothing listens on port 1
  auto answer = invoke("1,2");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ServiceUnavailable");
  EXPECT_EQ(answer.error().http_status, 503);
  EXPECT_FALSE(inference_.ping({"", 1}));
}

TEST_F(InferenceTest, A_serial_pipeline_hands_on_what_it_answered) {
  VariantRoute variant = native("AllTraffic", 1);
  variant.containers[0].response.one_per_line = true;
  variant.containers.push_back(native_container());
  put({variant});
  // The first container sums both rows ("3.0\n7.0"); the second one expects two features a row.
  auto answer = invoke("1,2\n3,4");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().details["OriginalMessage"], HasSubstr("2"));
  variant.containers[0].response.one_per_line = false;
  put({variant});
  answer = invoke("1,2\n3,4");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "10.0");
}

TEST_F(InferenceTest, Direct_containers_are_named) {
  VariantRoute variant;
  variant.name = "AllTraffic";
  variant.direct = true;
  variant.containers = {native_container("first"), native_container("second")};
  put({variant});
  EXPECT_THAT(invoke("1,2").error().message, HasSubstr("TargetContainerHostname"));
  InvokeRequest what = request("1,2");
  what.target_container = "second";
  EXPECT_EQ(invoke(what)->body, "3.0");
  what.target_container = "third";
  EXPECT_THAT(invoke(what).error().message, HasSubstr("no container third"));
}

TEST_F(InferenceTest, Models_that_are_not_in_memory_come_when_they_are_asked_for) {
  auto source = std::make_shared<OneSource>();
  VariantRoute variant = native("AllTraffic", 1);
  variant.containers[0].native = nullptr;
  variant.containers[0].models = source;
  variant.containers[0].multi_model = true;
  put({variant});
  EXPECT_THAT(invoke("1,2").error().message, HasSubstr("TargetModel"));
  InvokeRequest what = request("1,2");
  what.target_model = "a.tar.gz";
  EXPECT_EQ(invoke(what)->body, "3.0");
  EXPECT_EQ(invoke(what)->body, "3.0");
  EXPECT_EQ(source->loads, 1);
  what.target_model = "b.tar.gz";
  EXPECT_EQ(invoke(what).error().code, "ValidationError");
}

TEST_F(InferenceTest, Past_its_concurrency_a_variant_throttles) {
  VariantRoute variant = native("AllTraffic", 1);
  auto source = std::make_shared<OneSource>();
  variant.containers[0].native = nullptr;
  variant.containers[0].models = source;
  variant.containers[0].multi_model = true;
  variant.concurrency_max = 1;
  put({variant});
  InvokeRequest what = request("1,2");
  what.target_model = "a.tar.gz";
  // Invokes the second from within the first one's answer, that is, before the first has returned.
  std::promise<InvokeResult> second;
  inference_.invoke(InvokeRequest(what), [&](InvokeResult first) {
    EXPECT_TRUE(first);
    inference_.invoke(InvokeRequest(what),
                      [&](InvokeResult result) { second.set_value(std::move(result)); });
  });
  InvokeResult refused = second.get_future().get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ThrottlingException");
  EXPECT_EQ(refused.error().http_status, 429);
}

TEST_F(InferenceTest, Two_fleets_of_one_variant_share_its_traffic) {
  VariantRoute blue = native("AllTraffic", 0.75), green = native("AllTraffic", 0.25);
  green.containers.push_back(native_container());  // recognized by failing: one feature too few
  put({blue, green});
  int failed = 0;
  for (int i = 0; i < 400; ++i) failed += invoke("1,2") ? 0 : 1;
  EXPECT_NEAR(failed, 100, 5);
  failed = 0;
  for (int i = 0; i < 400; ++i) failed += invoke("1,2", "AllTraffic") ? 0 : 1;
  EXPECT_NEAR(failed, 100, 5);
}

TEST_F(InferenceTest, Shadows_get_copies_and_answer_nobody) {
  VariantRoute broken = native("shadow", 0.5);
  broken.containers.push_back(native_container());
  put({native("AllTraffic", 1)}, {broken});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(invoke("1,2")->body, "3.0");
  EXPECT_NEAR(
      double(inference_.counters().shadow_invocations + inference_.counters().shadow_dropped), 50,
      2);
}

// An endpoint whose only variant has no model, hosting these components.
EndpointRoute hosting(std::vector<VariantRoute> components) {
  EndpointRoute route;
  route.account = "111122223333";
  route.region = "us-east-1";
  route.name = "churn";
  VariantRoute variant;
  variant.name = "AllTraffic";
  variant.instances.resize(1);
  route.variants.push_back(variant);
  route.components = std::move(components);
  return route;
}

TEST_F(InferenceTest, Inference_components_are_asked_for_by_name) {
  VariantRoute small = native("AllTraffic", 1), empty = native("AllTraffic", 0);
  small.component = "small";
  small.instances.resize(1);
  empty.component = "empty";
  routes_.put(hosting({empty, small}));
  InvokeRequest asked = request("1,2");
  EXPECT_EQ(invoke(asked).error().code, "ValidationError");
  EXPECT_THAT(invoke(asked).error().message,
              HasSubstr("Inference Component Name header is required"));
  asked.component = "small";
  auto answer = invoke(asked);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "3.0");
  EXPECT_EQ(answer->invoked_variant, "AllTraffic");
  asked.component = "empty";
  EXPECT_EQ(invoke(asked).error().code, "ValidationError");
  EXPECT_THAT(invoke(asked).error().message,
              HasSubstr("Inference Component has no capacity to process this request"));
  asked.component = "other";
  EXPECT_THAT(invoke(asked).error().message, HasSubstr("Inference Component other"));
  put({native("AllTraffic", 1)});
  EXPECT_THAT(invoke(asked).error().message, HasSubstr("hosts no inference components"));
}

TEST_F(InferenceTest, A_components_errors_name_its_own_log_group) {
  VariantRoute component = native("AllTraffic", 1);
  component.component = "small";
  component.instances.resize(1);
  routes_.put(hosting({component}));
  InvokeRequest asked = request("1,abc");
  asked.component = "small";
  EXPECT_THAT(invoke(asked).error().details["LogStreamArn"],
              HasSubstr("log-group:/aws/sagemaker/InferenceComponents/small"));
}

TEST_F(InferenceTest, Two_fleets_of_one_component_share_its_requests_by_their_copies) {
  VariantRoute old_fleet = native("old", 3), new_fleet = native("new", 1), other = native("x", 9);
  old_fleet.component = new_fleet.component = "small";
  other.component = "other";
  for (VariantRoute* each : {&old_fleet, &new_fleet, &other}) each->instances.resize(1);
  routes_.put(hosting({other, old_fleet, new_fleet}));
  InvokeRequest asked = request("1,2");
  asked.component = "small";
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) ++counts[invoke(asked)->invoked_variant];
  EXPECT_NEAR(counts["old"], 300, 4);
  EXPECT_NEAR(counts["new"], 100, 4);
}

TEST_F(InferenceTest, Asynchronous_endpoints_take_no_plain_invocations) {
  EndpointRoute route{"111122223333", "us-east-1", "churn", {native("AllTraffic", 1)}, {}, true};
  routes_.put(route);
  EXPECT_EQ(invoke("1,2").error().code, "ValidationError");
  InvokeRequest what = request("1,2");
  what.from_queue = true;
  EXPECT_TRUE(invoke(what));
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
