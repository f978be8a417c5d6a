// Limits of roles, refusals, and lists.
#include <gmock/gmock.h>

#include <condition_variable>

#include "services/sagemaker/jobs/transform_job/test_transform_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace api::sagemaker;

TEST_F(TransformJobsTest, TheRolesPoliciesHold) {
  s3_.replace({{"b/in/a.csv", "1"}});
  auto made = request("get");
  made.model_name = "m-without-GetObject";
  EXPECT_THAT(
      *run(made).failure_reason,
      StartsWith("ClientError: s3://b/in/a.csv, it cannot be read: AccessDenied: not this"));
  made.transform_job_name = "put";
  made.model_name = "m-without-PutObject";
  EXPECT_THAT(*run(made).failure_reason,
              HasSubstr("its output cannot be written to s3://b/out/: AccessDenied: not this"));
  made.transform_job_name = "list";
  made.model_name = "m-without-ListBucket";
  EXPECT_THAT(create(made).error().message, HasSubstr("No S3 objects found under S3 URL"));
}

TEST_F(TransformJobsTest, ARoleThatWasMadeAgainFailsTheJob) {
  // More than are under way at a time: what begins later is refused.
  std::map<std::string, std::string> files;
  for (int i = 0; i < 50; ++i) files["b/in/" + std::to_string(i)] = "1";
  s3_.replace(files);
  models_.role_since = clock_.now();
  models_.answer = [&](const std::string& body) {
    iam_.make_roles_again(clock_.now());
    return FakeModels::lengths(body);
  };
  EXPECT_THAT(*run(request("job")).failure_reason,
              HasSubstr("AccessDenied: this role was made again"));
  EXPECT_LT(s3_.objects().size(), 100u);
}

TEST_F(TransformJobsTest, RequestsThatCannotWorkAreRefused) {
  s3_.replace({{"b/in/a.csv", "1"}});
  auto made = request("job");
  made.model_name = "none";
  EXPECT_THAT(create(made).error().message, HasSubstr("Could not find model"));
  made = request("job");
  made.transform_input->data_source->s3_data_source->s3_uri = "s3://b/nothing/";
  const Error nothing = create(made).error();
  EXPECT_EQ(nothing.code, "ValidationException");
  EXPECT_THAT(nothing.message,
              HasSubstr("No S3 objects found under S3 URL \"s3://b/nothing/\" given in input data "
                        "source. Please ensure that the bucket exists in the selected region"));
  made = request("job");
  made.transform_output->s3_output_path = "s3://missing/out";
  EXPECT_THAT(*run(made).failure_reason, HasSubstr("ClientError: The bucket of TransformOutput's"));
  const Error twice = create(request("job")).error();
  EXPECT_EQ(twice.code, "ResourceInUse");
  EXPECT_THAT(twice.message, HasSubstr(":transform-job/job)"));
  EXPECT_EQ(call<operations::DescribeTransformJob>({"nobody"}).error().message,
            "Could not find requested job with name: nobody");
  EXPECT_EQ(call<operations::StopTransformJob>({"nobody"}).error().code, "ValidationException");
}

TEST_F(TransformJobsTest, ListsPagesAndFilters) {
  s3_.replace({{"b/in/a.csv", "1"}});
  for (const char* name : {"one", "two", "three"}) run(request(name));
  ListTransformJobsRequest list;
  list.max_results = 2;
  list.sort_order = "Ascending";
  auto page = call<operations::ListTransformJobs>(list);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->transform_job_summaries.size(), 2u);
  EXPECT_EQ(page->transform_job_summaries[0].transform_job_name, "one");
  list.next_token = page->next_token;
  page = call<operations::ListTransformJobs>(list);
  ASSERT_EQ(page->transform_job_summaries.size(), 1u);
  EXPECT_EQ(page->transform_job_summaries[0].transform_job_name, "three");
  EXPECT_FALSE(page->next_token);
  ListTransformJobsRequest failed;
  failed.status_equals = "Failed";
  EXPECT_THAT(call<operations::ListTransformJobs>(failed)->transform_job_summaries, IsEmpty());
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
