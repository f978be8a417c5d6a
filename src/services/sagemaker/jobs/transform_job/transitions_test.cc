#include "services/sagemaker/jobs/transform_job/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Timestamp kNow{1'000'000};
constexpr Timestamp kLater{2'000'000};

std::vector<std::string> types(const std::vector<engine::Task>& tasks) {
  std::vector<std::string> out;
  for (const engine::Task& task : tasks) out.push_back(task.type);
  return out;
}

TransformJob made() {
  TransformJob job;
  job.account = "123456789012";
  job.region = "us-east-1";
  job.request.transform_job_name = "j";
  return begin_transform_job(job, kNow).next;
}

engine::Step<TransformJob> after(const TransformJob& job, const engine::Event& event) {
  auto step = transform_job_transition(job, event, kLater);
  EXPECT_TRUE(step && *step) << event.type;
  return step && *step ? **step : engine::Step<TransformJob>{job, {}};
}

bool stale(const TransformJob& job, const engine::Event& event) {
  auto step = transform_job_transition(job, event, kLater);
  return step && !*step;
}

engine::Event started(std::int64_t files) {
  return {transform_events::kStarted, to_value(TransformStart{Value("running"), files})};
}

engine::Event transformed(const std::string& failure) {
  return {transform_events::kTransformed, to_value(TransformResult{{3, 2, 1, 50}, failure})};
}

engine::Event failed(const char* type, const char* member, const std::string& text) {
  ValueObject payload;
  payload.append(member, text);
  payload.append("message", "disk");
  return {type, std::move(payload)};
}

TEST(TransformTransitions, AJobRunsToItsEnd) {
  EXPECT_THAT(types(begin_transform_job({}, kNow).tasks), ElementsAre("Start"));
  TransformJob job = made();
  EXPECT_EQ(job.status, "InProgress");
  EXPECT_FALSE(job.started);
  auto step = after(job, started(3));
  EXPECT_THAT(types(step.tasks), ElementsAre("Transform"));
  EXPECT_EQ(step.next.started, kLater);
  EXPECT_EQ(step.next.progress.files, 3);
  EXPECT_EQ(step.next.model, Value("running"));
  step = after(step.next, transformed(""));
  EXPECT_EQ(step.next.status, "Completed");
  EXPECT_EQ(step.next.ended, kLater);
  EXPECT_EQ(step.next.progress.records, 50);
  EXPECT_THAT(types(step.tasks), ElementsAre("CleanUp"));
  EXPECT_TRUE(stale(step.next, transformed("")));
  EXPECT_TRUE(stale(step.next, started(1)));
}

TEST(TransformTransitions, FailuresKeepTheirReason) {
  auto step = after(after(made(), started(3)).next, transformed("ClientError: s3://b/k, line 7"));
  EXPECT_EQ(step.next.status, "Failed");
  EXPECT_EQ(step.next.failure_reason, "ClientError: s3://b/k, line 7");
  step = after(made(), failed(transform_events::kFailed, "reason", "no model"));
  EXPECT_EQ(step.next.status, "Failed");
  EXPECT_EQ(step.next.failure_reason, "no model");
  step = after(made(), failed(transform_events::kTaskFailed, "task", "Start"));
  EXPECT_THAT(step.next.failure_reason, HasSubstr("InternalServerError: The step Start"));
  EXPECT_TRUE(stale(step.next, failed(transform_events::kTaskFailed, "task", "CleanUp")));
  EXPECT_TRUE(stale(made(), failed(transform_events::kTaskFailed, "task", "Interrupt")));
}

TEST(TransformTransitions, StoppingEndsInStopped) {
  const engine::Event stop{transform_events::kStopRequested, {}};
  auto step = after(made(), stop);
  EXPECT_EQ(step.next.status, "Stopping");
  EXPECT_THAT(types(step.tasks), ElementsAre("Interrupt"));
  EXPECT_TRUE(stale(step.next, stop));
  const TransformJob stopping = step.next;
  step = after(stopping, started(3));
  EXPECT_EQ(step.next.status, "Stopped");
  EXPECT_THAT(types(step.tasks), ElementsAre("CleanUp"));
  EXPECT_THAT(step.next.failure_reason, IsEmpty());
  // A failure that the stop caused does not count.
  step = after(stopping, failed(transform_events::kFailed, "reason", "the model went away"));
  EXPECT_EQ(step.next.status, "Stopped");
  EXPECT_THAT(step.next.failure_reason, IsEmpty());
  step = after(after(after(made(), started(3)).next, stop).next, transformed(""));
  EXPECT_EQ(step.next.status, "Stopped");
  EXPECT_TRUE(stale(step.next, stop));
}

TEST(TransformTransitions, TheModelsProcessesMayChange) {
  ValueObject payload;
  payload.append("model", Value("second attempt"));
  const engine::Event changed{transform_events::kModelChanged, std::move(payload)};
  auto step = after(after(made(), started(3)).next, changed);
  EXPECT_EQ(step.next.model, Value("second attempt"));
  EXPECT_EQ(step.next.phase, TransformPhase::transforming);
  EXPECT_THAT(step.tasks, IsEmpty());
  EXPECT_TRUE(stale(after(step.next, transformed("")).next, changed));
}

// Lists read whole records, and the model can be the largest part of one.
TEST(TransformTransitions, TheCleanUpDropsTheModel) {
  const engine::Event cleaned{transform_events::kCleanedUp, {}};
  const TransformJob running = after(made(), started(3)).next;
  EXPECT_TRUE(stale(running, cleaned));
  const TransformJob over = after(running, transformed("")).next;
  EXPECT_EQ(over.model, Value("running"));
  auto step = after(over, cleaned);
  EXPECT_TRUE(step.next.model.is_null());
  EXPECT_EQ(step.next.status, "Completed");
  EXPECT_EQ(step.next.modified, over.modified);
  EXPECT_THAT(step.tasks, IsEmpty());
  EXPECT_THAT(step.published, IsEmpty());
  EXPECT_TRUE(stale(step.next, cleaned));
}

TEST(TransformTransitions, UnknownEventsAreErrors) {
  EXPECT_FALSE(transform_job_transition(made(), {"Nonsense", {}}, kLater));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
