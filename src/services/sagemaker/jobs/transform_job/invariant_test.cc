#include <gtest/gtest.h>

#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

TransformJob made() {
  TransformJob job;
  job.arn = "arn";
  job.request.transform_job_name = "j";
  return job;
}

TEST(TransformInvariants, Job_isOverWhenItsStatusSaysSo) {
  TransformJob job = made();
  EXPECT_EQ(invariant(job), "");
  job.phase = TransformPhase::over;
  EXPECT_NE(invariant(job), "");
  job.status = "Failed";
  EXPECT_NE(invariant(job), "") << "without an end";
  job.ended = Timestamp{1};
  job.failure_reason = "why";
  EXPECT_EQ(invariant(job), "");
  job.status = "Completed";
  EXPECT_NE(invariant(job), "") << "with a failure reason";
  job = made();
  job.status = "Running";
  EXPECT_NE(invariant(job), "");
}

TEST(TransformInvariants, File_isDoneOrFailed) {
  TransformFile file{.bucket = "b", .key = "k", .output_name = "k.out"};
  EXPECT_EQ(invariant(file), "");
  file.done = true;
  EXPECT_EQ(invariant(file), "");
  file.failure = "why";
  EXPECT_NE(invariant(file), "");
}

TEST(TransformInvariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(transform_jobs().put(transaction, "k", {}, 0), "sagemaker_transform_jobs.*k");
  EXPECT_DEATH(transform_files().put(transaction, "k", {}, 0), "sagemaker_transform_files");
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
