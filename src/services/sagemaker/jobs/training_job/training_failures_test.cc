// Why jobs fail, and what the failure says.
#include <gmock/gmock.h>

#include "services/sagemaker/jobs/training_job/test_training_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace api::sagemaker;

TEST_F(TrainingJobsTest, FailureNamesTheReason) {
  s3_.replace({{"b/data/a", "1"}});
  ASSERT_TRUE(create(request("job", "echo 'it is broken' > $ML/output/failure; exit 3")));
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Failed");
  EXPECT_EQ(job.failure_reason, "AlgorithmError: it is broken, exit code: 3");
  EXPECT_FALSE(s3_.has("b/out/job/output/model.tar.gz"));
  ASSERT_TRUE(create(request("traceback",
                             "echo Traceback '(most recent call last):' >&2; "
                             "echo ValueError: no >&2; exit 1")));
  EXPECT_THAT(*wait_end("traceback").failure_reason, HasSubstr("ValueError: no, exit code: 1"));
}

TEST_F(TrainingJobsTest, MissingDataIsAClientError) {
  ASSERT_TRUE(create(request("job", "true")));
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Failed");
  EXPECT_THAT(*job.failure_reason, HasSubstr("ClientError: "));
  EXPECT_THAT(*job.failure_reason, HasSubstr("No S3 objects found under S3 URL \"s3://b/data/\""));
  auto elsewhere = request("bucket", "true");
  elsewhere.input_data_config->front().data_source->s3_data_source->s3_uri = "s3://other/x";
  ASSERT_TRUE(create(elsewhere));
  EXPECT_THAT(*wait_end("bucket").failure_reason, HasSubstr("bucket does not exist"));
}

TEST_F(TrainingJobsTest, ARoleThatWasMadeAgainFailsTheJob) {
  s3_.replace({{"b/data/a", "1"}});
  iam_.make_roles_again(clock_.now() + std::chrono::hours(1));
  ASSERT_TRUE(create(request("old", "echo m > $ML/model/m")));
  EXPECT_THAT(*wait_end("old").failure_reason, HasSubstr("this role was made again"));
  iam_.make_roles_again(clock_.now() + std::chrono::hours(-1));
  ASSERT_TRUE(create(request("new", "echo m > $ML/model/m")));
  EXPECT_EQ(wait_end("new").training_job_status, "Completed");
}

TEST_F(TrainingJobsTest, ARoleWithoutAccessFailsTheJob) {
  s3_.replace({{"b/data/a", "1"}});
  auto run = [&](const std::string& without) {
    auto made = request(without, "echo m > $ML/model/m");
    made.role_arn = "arn:aws:iam::123456789012:role/r-without-" + without;
    EXPECT_TRUE(create(made));
    return *wait_end(without).failure_reason;
  };
  EXPECT_THAT(run("ListBucket"),
              AllOf(HasSubstr("ClientError: Data download failed: No S3 objects found"),
                    HasSubstr("Error message from S3: not this role")));
  EXPECT_EQ(run("GetObject"),
            "ClientError: Data download failed: Unable to download object s3://b/data/a "
            "(AccessDenied: not this role)");
  EXPECT_EQ(run("PutObject"),
            "ClientError: Artifact upload failed: AccessDenied: not this role. Check "
            "OutputDataConfig's S3OutputPath s3://b/out.");
  EXPECT_EQ(s3_.objects().size(), 1u);
  EXPECT_THAT(iam_.asked(),
              ElementsAre("s3:GetObject arn:aws:s3:::b/data/a",
                          "s3:ListBucket arn:aws:s3:::b s3:prefix=data/",
                          "s3:PutObject arn:aws:s3:::b/out/PutObject/output/model.tar.gz"));
}

TEST_F(TrainingJobsTest, NamesThatTheOtherSideCannotHaveAreTheUsersFault) {
  s3_.replace({{"b/data/a", "1"}});
  auto made = request("bytes", "touch $(printf \"$ML/checkpoints/\\377\")");
  made.checkpoint_config.ensure().s3_uri = "s3://b/ckpt";
  ASSERT_TRUE(create(made));
  EXPECT_THAT(*wait_end("bytes").failure_reason,
              AllOf(HasSubstr("ClientError: Artifact upload failed: the file "),
                    HasSubstr("keys of S3 are UTF-8")));
  s3_.replace({{"b/data/" + std::string(256, 'a'), "1"}});
  ASSERT_TRUE(create(request("long", "true")));
  EXPECT_THAT(*wait_end("long").failure_reason,
              AllOf(HasSubstr("ClientError: Data download failed: s3://b/data/aaa"),
                    HasSubstr("too long for the name of a file")));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
