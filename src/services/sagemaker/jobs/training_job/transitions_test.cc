#include "services/sagemaker/jobs/training_job/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/jobs/training_job/training_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::ElementsAre;

class TrainingJobTransitions : public ::testing::Test {
 protected:
  void SetUp() override {
    TrainingJob job;
    job.account = "123456789012";
    job.region = "us-east-1";
    job.request.training_job_name = "job";
    job.request.stopping_condition.ensure().max_runtime_in_seconds = 60;
    job.request.tags.emplace().push_back({"team", "a"});
    take(begin_training_job(job, now_));
  }
  void take(engine::Step<TrainingJob> step) {
    job_ = std::move(step.next);
    tasks_.clear();
    for (const engine::Task& task : step.tasks) tasks_.push_back(task.type);
    last_tasks_ = std::move(step.tasks);
  }
  // False when the event was stale.
  bool send(const char* type, Value payload = {}) {
    now_.microseconds += 1'000'000;
    auto step = training_job_transition(job_, {type, std::move(payload)}, now_);
    EXPECT_TRUE(step) << step.error().message;
    if (!step || !*step) return false;
    counted_.microseconds += 1'000'000;
    count_training_time((*step)->next, counted_);
    take(**std::move(step));
    return true;
  }
  Value of_this_job() {
    ValueObject payload;
    payload.append("compute_id", compute_id(job_));
    return payload;
  }
  Value uploaded(std::string failure = "") {
    return to_value(
        TrainingResult{std::move(failure), "s3://b/model.tar.gz", {{"auc", 0.9, now_}}});
  }
  std::vector<std::string> statuses() {
    std::vector<std::string> names;
    for (const TrainingTransition& transition : job_.transitions)
      names.push_back(transition.status);
    return names;
  }

  Timestamp now_{1'700'000'000'000'000};
  Timestamp counted_{5};  // by the clock that nobody sets
  TrainingJob job_;
  std::vector<std::string> tasks_;
  std::vector<engine::Task> last_tasks_;
};

TEST_F(TrainingJobTransitions, ChangesOfStateArePublished) {
  auto step = training_job_transition(job_, {"Prepared", {}}, now_);
  ASSERT_TRUE(step && *step);
  ASSERT_EQ((*step)->published.size(), 1u);
  const engine::PublishedEvent& event = (*step)->published[0];
  EXPECT_EQ(event.source, "aws.sagemaker");
  EXPECT_EQ(event.detail_type, "SageMaker Training Job State Change");
  EXPECT_EQ(event.account, "123456789012");
  EXPECT_EQ(*event.detail.find("TrainingJobStatus")->as_string(), "InProgress");
  EXPECT_EQ(*event.detail.find("SecondaryStatus")->as_string(), "Downloading");
  EXPECT_EQ(*event.detail.find("StoppingCondition")->find("MaxRuntimeInSeconds"), Value(60));
  EXPECT_EQ(*event.detail.find("Tags")->find("team"), Value("a"));
  EXPECT_EQ(*event.detail.find("CreationTime"), Value("1700000000000")) << "milliseconds as text";
  EXPECT_EQ(event.detail.find("SecondaryStatusTransitions")->as_list()->size(), 2u);
  take(**std::move(step));
  send("Downloaded");
  step = training_job_transition(job_, {"StillRunning", of_this_job()}, now_);
  ASSERT_TRUE(step && *step);
  EXPECT_TRUE((*step)->published.empty()) << "nothing that clients see has changed";
}

TEST_F(TrainingJobTransitions, WholeLife) {
  EXPECT_EQ(job_.secondary_status, "Starting");
  EXPECT_THAT(tasks_, ElementsAre("Prepare"));
  ASSERT_TRUE(send("Prepared"));
  EXPECT_EQ(job_.secondary_status, "Downloading");
  EXPECT_THAT(tasks_, ElementsAre("Download"));
  ASSERT_TRUE(send("Downloaded"));
  EXPECT_EQ(job_.secondary_status, "Training");
  EXPECT_THAT(tasks_, ElementsAre("Launch", "MaxRuntime", "Watch"));
  EXPECT_EQ(last_tasks_[1].delay, std::chrono::seconds(60));
  ASSERT_TRUE(send("StillRunning", of_this_job()));
  EXPECT_THAT(tasks_, ElementsAre("Watch"));
  ASSERT_TRUE(send("JobExited", of_this_job()));
  EXPECT_FALSE(send("StillRunning", of_this_job()));
  EXPECT_EQ(job_.secondary_status, "Uploading");
  EXPECT_EQ(job_.status, "InProgress");
  EXPECT_THAT(tasks_, ElementsAre("Upload"));
  ASSERT_TRUE(send("Uploaded", uploaded()));
  EXPECT_EQ(job_.status, "Completed");
  EXPECT_EQ(job_.model_artifacts, "s3://b/model.tar.gz");
  EXPECT_EQ(job_.metrics.size(), 1u);
  EXPECT_THAT(tasks_, ElementsAre("CleanUp"));
  EXPECT_THAT(statuses(),
              ElementsAre("Starting", "Downloading", "Training", "Uploading", "Completed"));
  for (const TrainingTransition& transition : job_.transitions) EXPECT_TRUE(transition.ended);
  EXPECT_EQ(job_.training_ended->microseconds - job_.training_started->microseconds, 5'000'000);
  // Nothing applies to a finished job.
  EXPECT_FALSE(send("Prepared"));
  EXPECT_FALSE(send("Downloaded"));
  EXPECT_FALSE(send("JobExited", of_this_job()));
  EXPECT_FALSE(send("Uploaded", uploaded()));
  EXPECT_FALSE(send("StopRequested"));
  EXPECT_FALSE(send("MaxRuntimeReached", of_this_job()));
  EXPECT_FALSE(send("Failed"));
}

TEST_F(TrainingJobTransitions, StepsOfTheWallClockDoNotChangeTheDuration) {
  for (const std::int64_t step :
       {std::int64_t(40) * 365 * 86'400'000'000, -std::int64_t(9'000'000)}) {
    job_ = {};
    SetUp();
    send("Prepared");
    now_.microseconds += step;
    send("Downloaded");
    send("JobExited", of_this_job());
    ASSERT_TRUE(send("Uploaded", uploaded()));
    EXPECT_EQ(job_.training_microseconds, 3'000'000);
    const auto shown = describe_training_job(job_, now_);
    EXPECT_EQ(shown.training_time_in_seconds, 3);
    EXPECT_EQ(shown.billable_time_in_seconds, 3);
  }
}

TEST_F(TrainingJobTransitions, FailureOfTheAlgorithm) {
  send("Prepared");
  send("Downloaded");
  send("JobExited", of_this_job());
  ASSERT_TRUE(send("Uploaded", uploaded("AlgorithmError: bad, exit code: 1")));
  EXPECT_EQ(job_.status, "Failed");
  EXPECT_EQ(job_.secondary_status, "Failed");
  EXPECT_EQ(job_.failure_reason, "AlgorithmError: bad, exit code: 1");
}

TEST_F(TrainingJobTransitions, MissingDataFailsTheJob) {
  send("Prepared");
  ValueObject reason;
  reason.append("reason", "ClientError: no objects");
  ASSERT_TRUE(send("Failed", reason));
  EXPECT_EQ(job_.status, "Failed");
  EXPECT_EQ(job_.failure_reason, "ClientError: no objects");
  EXPECT_THAT(tasks_, ElementsAre("CleanUp"));
}

TEST_F(TrainingJobTransitions, StopWhileDownloadingWaitsForTheTask) {
  send("Prepared");
  ASSERT_TRUE(send("StopRequested"));
  EXPECT_EQ(job_.status, "Stopping");
  EXPECT_THAT(tasks_, ElementsAre());
  EXPECT_FALSE(send("StopRequested"));
  ASSERT_TRUE(send("Downloaded"));
  EXPECT_EQ(job_.status, "Stopped");
  EXPECT_EQ(job_.secondary_status, "Stopped");
}

TEST_F(TrainingJobTransitions, StopWhileTrainingStillUploads) {
  send("Prepared");
  send("Downloaded");
  ASSERT_TRUE(send("StopRequested"));
  EXPECT_THAT(tasks_, ElementsAre("Stop"));
  EXPECT_FALSE(send("MaxRuntimeReached", of_this_job()));
  ASSERT_TRUE(send("JobExited", of_this_job()));
  EXPECT_EQ(job_.status, "Stopping");
  EXPECT_EQ(job_.secondary_status, "Uploading");
  ASSERT_TRUE(send("Uploaded", uploaded()));
  EXPECT_EQ(job_.status, "Stopped");
  EXPECT_EQ(job_.model_artifacts, "s3://b/model.tar.gz");
}

TEST_F(TrainingJobTransitions, AnUploadCanBeStoppedEvenOfAJobThatStopsAlready) {
  send("Prepared");
  send("Downloaded");
  ASSERT_TRUE(send("StopRequested"));
  EXPECT_FALSE(send("StopRequested"));  // once is enough while it runs
  send("JobExited", of_this_job());
  EXPECT_FALSE(job_.upload_stopped);
  ASSERT_TRUE(send("StopRequested"));
  EXPECT_TRUE(job_.upload_stopped);
  EXPECT_EQ(job_.secondary_status, "Uploading");
  EXPECT_THAT(tasks_, ElementsAre());
  EXPECT_FALSE(send("StopRequested"));
  send("Uploaded", to_value(TrainingResult{}));
  EXPECT_EQ(job_.status, "Stopped");
  EXPECT_EQ(job_.model_artifacts, "");
}

TEST_F(TrainingJobTransitions, MaxRuntime) {
  send("Prepared");
  EXPECT_FALSE(send("MaxRuntimeReached", of_this_job()));
  send("Downloaded");
  ValueObject other;
  other.append("compute_id", "training.123456789012.us-east-1.job.1");
  EXPECT_FALSE(send("MaxRuntimeReached", other));
  EXPECT_FALSE(send("JobExited", other));
  ASSERT_TRUE(send("MaxRuntimeReached", of_this_job()));
  EXPECT_EQ(job_.status, "Stopping");
  EXPECT_THAT(tasks_, ElementsAre("Stop"));
  send("JobExited", of_this_job());
  ASSERT_TRUE(send("Uploaded", uploaded()));
  EXPECT_EQ(job_.status, "Stopped");
  EXPECT_EQ(job_.secondary_status, "MaxRuntimeExceeded");
}

TEST_F(TrainingJobTransitions, TaskThatGaveUp) {
  send("Prepared");
  ValueObject payload;
  payload.append("task", "Download");
  payload.append("message", "the disk is full");
  ASSERT_TRUE(send("TaskFailed", payload));
  EXPECT_EQ(job_.status, "Failed");
  EXPECT_EQ(job_.failure_reason,
            "InternalServerError: The step Download of the training job failed: the disk is full");
}

TEST(TrainingJobComputeId, SaysWhoseItIs) {
  TrainingJob job;
  job.account = "123456789012";
  job.region = "eu-west-1";
  job.request.training_job_name = "my-job-1";
  job.created = {1'700'000'000'123'456};
  Result<ComputeId> id = parse_compute_id(compute_id(job));
  ASSERT_TRUE(id);
  EXPECT_EQ(id->account, job.account);
  EXPECT_EQ(id->region, job.region);
  EXPECT_EQ(id->name, "my-job-1");
  EXPECT_EQ(id->created, job.created);
  EXPECT_EQ(log_stream(id->name, id->created), "my-job-1/algo-1-1700000000");
  EXPECT_FALSE(parse_compute_id("endpoint.x"));
  EXPECT_FALSE(parse_compute_id("training.a.b.c.d"));
}

TEST(TrainingJobRecord, SurvivesTheStore) {
  TrainingJob job;
  job.request.training_job_name = "a";
  job.request.hyper_parameters.emplace()["x"] = "1";
  job.phase = TrainingPhase::uploading;
  Result<TrainingJob> read = from_json<TrainingJob>(to_json(job));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), to_json(job));
  EXPECT_EQ(read->phase, TrainingPhase::uploading);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
