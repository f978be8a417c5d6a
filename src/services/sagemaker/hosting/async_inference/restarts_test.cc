// Invocations through stops and kills of the server.
#include "services/sagemaker/hosting/async_inference/test_async_inference.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

TEST_F(AsyncInferenceTest, goes_on_after_a_restart) {
  target_.instances = 0;
  start();
  put("in", "x");
  for (int i = 0; i < 10; ++i) invoke_well(input("s3://b/in", "i" + std::to_string(i)));
  stop();
  EXPECT_EQ(records(), 10u);
  set_instances(1);
  start();
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(object("out/i" + std::to_string(i) + ".out"), "answer to x");
  EXPECT_EQ(bodies().size(), 10u);
}

TEST_F(AsyncInferenceTest, a_stop_gives_back_what_is_under_way) {
  hold_ = true;
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "i"));
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  EXPECT_EQ(only_record().phase, AsyncPhase::running);
  stop();
  EXPECT_EQ(only_record().phase, AsyncPhase::queued);
  EXPECT_EQ(only_record().attempts, 0);
  set_hold(false);
  start();
  EXPECT_TRUE(eventually([&] { return object("out/i.out") == "answer to x"; }));
}

// After kill -9 a record says that it is running, but nothing runs it.
TEST_F(AsyncInferenceTest, runs_again_what_a_killed_server_ran_but_not_for_ever) {
  put("in", "x");
  for (std::int64_t attempts : {1, 2, 3}) {
    AsyncInvocation left;
    left.account = "123456789012";
    left.region = "eu-west-1";
    left.endpoint = "slow";
    left.role_arn = "arn:aws:iam::123456789012:role/model";
    left.id = "0000000000000000000" + std::to_string(attempts);
    left.input_location = "s3://b/in";
    left.output_location = "s3://b/out/" + std::to_string(attempts);
    left.failure_location = "s3://b/failed/" + std::to_string(attempts);
    left.received = clock_.now();
    left.expires = clock_.now() + std::chrono::hours(1);
    left.phase = AsyncPhase::running;
    left.attempts = attempts;
    store::Transaction transaction;
    async_invocations().put(transaction, async_invocation_key(left), left, 0);
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  start();
  ASSERT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("out/1"), "answer to x");
  EXPECT_EQ(object("out/2"), "answer to x");
  EXPECT_EQ(object("out/3"), "");
  EXPECT_EQ(object("failed/3"),
            "The invocation was begun 3 times and never came to an end: the server ended.");
  EXPECT_EQ(bodies().size(), 2u);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
