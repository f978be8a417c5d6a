#include "services/sagemaker/hosting/async_inference/rules.h"

#include <gtest/gtest.h>

#include "services/sagemaker/hosting/async_inference/async_invocation.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using Input = api::sagemaker_runtime::InvokeEndpointAsyncInput;

TEST(AsyncRules, a_request_has_one_input) {
  Input request;
  EXPECT_FALSE(check_async_request(request));
  request.body = Blob{""};
  EXPECT_FALSE(check_async_request(request));
  request.body = Blob{"1"};
  EXPECT_TRUE(check_async_request(request));
  request.input_location = "s3://b/in";
  EXPECT_FALSE(check_async_request(request));
  request.body.reset();
  EXPECT_TRUE(check_async_request(request));
  for (const char* bad : {"s3://b", "s3://b/", "in"}) {
    request.input_location = bad;
    EXPECT_FALSE(check_async_request(request)) << bad;
  }
}

TEST(AsyncRules, names_the_output_by_inference_id_or_as_asked) {
  Input request;
  EXPECT_EQ(async_output_location("s3://b/out/", request, "i-1"), "s3://b/out/i-1.out");
  EXPECT_EQ(async_output_location("s3://b", request, "i-1"), "s3://b/i-1.out");
  EXPECT_EQ(async_output_location("s3://b/out", request, "a/b?c #d"), "s3://b/out/a-b-c--d.out");
  request.s3_output_path_extension = "/2026/01/";
  EXPECT_EQ(async_output_location("s3://b/out", request, "i-1"), "s3://b/out/2026/01/i-1.out");
  request.filename = "mine.json";
  EXPECT_EQ(async_output_location("s3://b/out", request, "i-1"), "s3://b/out/2026/01/mine.json");
  EXPECT_EQ(async_failure_location("s3://b/failed/", "i-1"), "s3://b/failed/i-1-error.out");
  EXPECT_EQ(async_failure_location("", "i-1"), "");
}

class AsyncTransitions : public testing::Test {
 protected:
  AsyncTransitions() {
    invocation_.received = {0};
    invocation_.expires = {60'000'000};
    invocation_.phase = AsyncPhase::queued;
  }
  std::optional<engine::Step<AsyncInvocation>> apply(const char* event, Timestamp now = {1},
                                                     const std::string& reason = "") {
    ValueObject payload;
    if (!reason.empty()) payload.set("reason", reason);
    auto step = async_transition(invocation_, {event, std::move(payload)}, now);
    EXPECT_TRUE(step);
    return *step;
  }
  AsyncInvocation invocation_;
};

TEST_F(AsyncTransitions, begins_with_a_timer) {
  auto step = begin_async_invocation(invocation_);
  ASSERT_EQ(step.tasks.size(), 1u);
  EXPECT_EQ(step.tasks[0].type, "Expire");
  EXPECT_EQ(step.tasks[0].delay, std::chrono::seconds(60));
}

TEST_F(AsyncTransitions, is_dispatched_once) {
  auto step = apply(async_events::kDispatched);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->next.phase, AsyncPhase::running);
  EXPECT_EQ(step->next.attempts, 1);
  EXPECT_TRUE(step->tasks.empty());
  invocation_ = step->next;
  EXPECT_FALSE(apply(async_events::kDispatched));
  step = apply(async_events::kExpired, {60'000'000});  // it is being answered
  ASSERT_TRUE(step);
  EXPECT_EQ(step->next.phase, AsyncPhase::running);
  EXPECT_TRUE(step->tasks.empty());
  // Given back after its timer rang it expires, although the wall clock was set back meanwhile.
  invocation_ = step->next;
  step = apply(async_events::kReleased, {5});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->next.phase, AsyncPhase::failing);
}

TEST_F(AsyncTransitions, expires_by_its_timer_and_not_by_the_wall_clock) {
  // The wall clock was set forward by a day: nothing has expired.
  const Timestamp tomorrow{86'400'000'000};
  auto step = apply(async_events::kDispatched, tomorrow);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->next.phase, AsyncPhase::running);
  invocation_.phase = AsyncPhase::running;
  for (const char* event : {async_events::kReleased, async_events::kInterrupted}) {
    step = apply(event, tomorrow, "x");
    ASSERT_TRUE(step);
    EXPECT_EQ(step->next.phase, AsyncPhase::queued) << event;
  }
  // It was set back: the timer has counted the time that passed.
  invocation_.phase = AsyncPhase::queued;
  step = apply(async_events::kExpired, {-86'400'000'000});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->next.phase, AsyncPhase::failing);
  ASSERT_EQ(step->tasks.size(), 1u);
  EXPECT_EQ(step->tasks[0].type, "WriteFailure");
}

TEST_F(AsyncTransitions, expires_when_it_comes_back_too_late) {
  invocation_.phase = AsyncPhase::running;
  invocation_.attempts = 1;
  auto back = apply(async_events::kReleased);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->next.phase, AsyncPhase::queued);
  EXPECT_EQ(back->next.attempts, 0);
  invocation_.overdue = true;  // its timer has rung
  for (const char* event : {async_events::kReleased, async_events::kInterrupted}) {
    auto late = apply(event, {1}, "x");
    ASSERT_TRUE(late);
    EXPECT_EQ(late->next.phase, AsyncPhase::failing);
    EXPECT_NE(late->next.failure.find("expired"), std::string::npos);
  }
}

TEST_F(AsyncTransitions, gives_up_after_three_attempts) {
  invocation_.phase = AsyncPhase::running;
  invocation_.attempts = 2;
  EXPECT_EQ(apply(async_events::kInterrupted, {1}, "x")->next.phase, AsyncPhase::queued);
  invocation_.attempts = 3;
  EXPECT_EQ(apply(async_events::kInterrupted, {1}, "x")->next.phase, AsyncPhase::failing);
}

TEST_F(AsyncTransitions, fails_once) {
  auto step = apply(async_events::kFailed, {1}, "the reason");
  ASSERT_TRUE(step);
  EXPECT_EQ(step->next.failure, "the reason");
  invocation_ = step->next;
  EXPECT_FALSE(apply(async_events::kFailed, {1}, "another"));
  EXPECT_FALSE(apply(async_events::kInterrupted));
  EXPECT_FALSE(apply(async_events::kReleased));
  EXPECT_FALSE(apply(async_events::kExpired, {60'000'000}));
}

TEST_F(AsyncTransitions, goes_when_its_failure_cannot_be_written) {
  invocation_.phase = AsyncPhase::failing;
  ValueObject payload;
  payload.set("task", "WriteFailure");
  auto step = async_transition(invocation_, {engine::TaskFailure::kType, payload}, {1});
  ASSERT_TRUE(step && *step);
  ASSERT_EQ((*step)->tasks.size(), 1u);
  EXPECT_EQ((*step)->tasks[0].type, "Remove");
  EXPECT_FALSE(async_transition(invocation_, {"Unknown", {}}, {1}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
