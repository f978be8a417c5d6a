// Answers and failures, and where they are written.
#include "services/platform/metrics/test_metrics.h"
#include "services/sagemaker/hosting/async_inference/test_async_inference.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

TEST_F(AsyncInferenceTest, writes_the_answer_where_it_said) {
  start();
  put("in/1.csv", "1,2,3");
  AsyncInput request = input("s3://b/in/1.csv", "order-7");
  request.accept = "text/plain";
  request.custom_attributes = "trace=1";
  request.invocation_timeout_seconds = 77;
  auto answered = invoke(request);
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(answered->inference_id, "order-7");
  EXPECT_EQ(answered->output_location, "s3://b/out/order-7.out");
  EXPECT_EQ(answered->failure_location, "s3://b/failed/order-7-error.out");
  ASSERT_TRUE(eventually([&] { return object("out/order-7.out") == "answer to 1,2,3"; }));
  EXPECT_EQ(s3_.content_types().at("b/out/order-7.out"), "text/plain");
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("failed/order-7-error.out"), "");
  std::lock_guard lock(mutex_);
  EXPECT_EQ(last_call_.account, "123456789012");
  EXPECT_EQ(last_call_.region, "eu-west-1");
  EXPECT_EQ(last_call_.endpoint, "slow");
  EXPECT_EQ(last_call_.content_type, "text/csv");  // the object's, for want of the request's
  EXPECT_EQ(last_call_.accept, "text/plain");
  EXPECT_EQ(last_call_.custom_attributes, "trace=1");
  EXPECT_EQ(last_call_.inference_id, "order-7");
  EXPECT_EQ(last_call_.timeout_seconds, 77);
}

TEST_F(AsyncInferenceTest, takes_a_body_with_the_request) {
  start();
  AsyncInput request = input("", "inline");
  request.input_location.reset();
  request.body = Blob{"4,5"};
  request.content_type = "text/csv";
  invoke_well(request);
  EXPECT_TRUE(eventually([&] { return object("out/inline.out") == "answer to 4,5"; }));
}

TEST_F(AsyncInferenceTest, makes_an_inference_id) {
  start();
  put("in", "x");
  auto answered = invoke(input("s3://b/in"));
  ASSERT_TRUE(answered);
  ASSERT_EQ(answered->inference_id->size(), 36u);
  EXPECT_EQ(answered->output_location, "s3://b/out/" + *answered->inference_id + ".out");
  EXPECT_TRUE(
      eventually([&] { return !object("out/" + *answered->inference_id + ".out").empty(); }));
}

TEST_F(AsyncInferenceTest, writes_the_models_error_to_the_failure_path) {
  model_ = [](const AsyncCall&) -> Result<AsyncAnswer> {
    return fail("ModelError", "Received server error (500) from primary", 424);
  };
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "bad"));
  EXPECT_TRUE(eventually([&] {
    return object("failed/bad-error.out") == "Received server error (500) from primary";
  }));
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("out/bad.out"), "");
  EXPECT_EQ(bodies().size(), 1u);  // it is not asked again
  EXPECT_NE(platform::metrics_text(*async_).find("tidemill_async_failed_total 1\n"),
            std::string::npos);
}

TEST_F(AsyncInferenceTest, without_a_failure_path_a_failure_only_ends) {
  target_.failure_path = "";
  start();
  put("in", "x");
  auto answered = invoke(input("s3://b/not-there", "bad"));
  ASSERT_TRUE(answered);
  EXPECT_FALSE(answered->failure_location);
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(s3_.objects().size(), 1u);
}

TEST_F(AsyncInferenceTest, names_an_input_that_is_not_there) {
  start();
  invoke_well(input("s3://b/in/none", "i"));
  EXPECT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The input s3://b/in/none cannot be read: The specified key does not exist.");
  EXPECT_TRUE(bodies().empty());
}

TEST_F(AsyncInferenceTest, says_when_the_output_cannot_be_written) {
  target_.output_path = "s3://missing/out";
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "i"));
  EXPECT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The output s3://missing/out/i.out cannot be written: The specified bucket does not "
            "exist");
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
