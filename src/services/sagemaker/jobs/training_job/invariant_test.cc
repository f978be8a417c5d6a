#include "services/sagemaker/jobs/training_job/invariant.h"

#include <gtest/gtest.h>

#include "services/sagemaker/hosting/endpoint/invariant.h"
#include "services/sagemaker/jobs/training_job/transitions.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

TEST(SagemakerInvariants, Training_jobIsOverExactlyWhenItsStatusSaysSo) {
  TrainingJob job;
  job.arn = "arn";
  job.request.training_job_name = "name";
  EXPECT_NE(invariant(job), "") << "not begun";
  job = begin_training_job(std::move(job), Timestamp{5}).next;
  EXPECT_EQ(invariant(job), "");
  TrainingJob broken = job;
  broken.status = "Completed";
  EXPECT_NE(invariant(broken), "");
  broken.phase = TrainingPhase::over;
  EXPECT_NE(invariant(broken), "") << "it has no end";
  broken = job;
  broken.status = "Finished";
  EXPECT_NE(invariant(broken), "");
  broken = job;
  broken.secondary_status = "Training";
  EXPECT_NE(invariant(broken), "");
}

TEST(SagemakerInvariants, Endpoint_inServiceHasAFleet) {
  hosting::Endpoint endpoint;
  endpoint.name = "e";
  endpoint.arn = "arn";
  EXPECT_EQ(invariant(endpoint), "");
  endpoint.status = hosting::endpoint_status::kInService;
  EXPECT_NE(invariant(endpoint), "");
  endpoint.active.emplace().id = "one";
  EXPECT_EQ(invariant(endpoint), "");
  endpoint.pending.emplace().id = "one";
  EXPECT_NE(invariant(endpoint), "");
  endpoint.pending.reset();
  endpoint.status = hosting::endpoint_status::kDeleting;
  EXPECT_NE(invariant(endpoint), "");
  endpoint.status = "Gone";
  EXPECT_NE(invariant(endpoint), "");
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
