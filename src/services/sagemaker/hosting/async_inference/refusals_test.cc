// Requests that are refused.
#include "services/sagemaker/hosting/async_inference/test_async_inference.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

TEST_F(AsyncInferenceTest, refuses_an_input_beyond_the_limit) {
  options_.input_bytes_max = 10;
  start();
  put("in", "12345678901");
  invoke_well(input("s3://b/in", "i"));
  EXPECT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The input s3://b/in has 11 bytes; at most 10 are possible.");
}

TEST_F(AsyncInferenceTest, refuses_what_the_queue_cannot_take) {
  target_.instances = 0;
  options_.queued_per_endpoint_max = 2;
  start();
  invoke_well(input("s3://b/in", "1"));
  invoke_well(input("s3://b/in", "2"));
  auto refused = invoke(input("s3://b/in", "3"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ServiceUnavailable");
  EXPECT_EQ(refused.error().http_status, 503);
  EXPECT_EQ(records(), 2u);
}

TEST_F(AsyncInferenceTest, refuses_endpoints_that_are_not_there_or_not_asynchronous) {
  start();
  AsyncInput request = input("s3://b/in");
  request.endpoint_name = "other";
  auto refused = invoke(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ValidationError");
  EXPECT_EQ(refused.error().message, "Endpoint other of account 123456789012 not found.");
  set_kind(AsyncTarget::Kind::not_asynchronous);
  refused = invoke(input("s3://b/in"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ValidationError");
  EXPECT_EQ(records(), 0u);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
