// Refusals, lists, deletion and tags.
#include <gmock/gmock.h>

#include "services/sagemaker/jobs/training_job/test_training_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace api::sagemaker;

TEST_F(TrainingJobsTest, Errors) {
  s3_.replace({{"b/data/a", "1"}});
  EXPECT_EQ(call<operations::DescribeTrainingJob>({"none"}).error().message,
            "Requested resource not found.");
  EXPECT_EQ(call<operations::StopTrainingJob>({"none"}).error().code, "ValidationException");
  ASSERT_TRUE(create(request("job", "true")));
  auto twice = create(request("job", "true"));
  EXPECT_EQ(twice.error().code, "ResourceInUse");
  EXPECT_THAT(twice.error().message, HasSubstr("training-job/job)"));
  auto forbidden = request("other", "true");
  forbidden.role_arn = "arn:aws:iam::123456789012:role/forbidden";
  EXPECT_EQ(create(forbidden).error().code, "AccessDeniedException");
  EXPECT_FALSE(
      call<operations::ListTags>({"arn:aws:sagemaker:us-east-1:123456789012:training-job/none"}));
  wait_end("job");  // its supervisor must not clean up beside the test
}

TEST_F(TrainingJobsTest, ListAndDelete) {
  s3_.replace({{"b/data/a", "1"}});
  for (const char* name : {"a-1", "a-2", "b-1"}) {
    ASSERT_TRUE(create(request(name, "true")));
    wait_end(name);
  }
  auto names = [this](const ListTrainingJobsRequest& list) {
    std::vector<std::string> out;
    auto response = call<operations::ListTrainingJobs>(list);
    EXPECT_TRUE(response) << response.error().message;
    for (const auto& job : response->training_job_summaries) out.push_back(job.training_job_name);
    return out;
  };
  EXPECT_THAT(names({}), ElementsAre("b-1", "a-2", "a-1"));
  EXPECT_THAT(names({.name_contains = "a-", .sort_by = "Name", .sort_order = "Ascending"}),
              ElementsAre("a-1", "a-2"));
  EXPECT_THAT(names({.status_equals = "Failed"}), ElementsAre());
  auto first = call<operations::ListTrainingJobs>({.max_results = 2});
  ASSERT_TRUE(first && first->next_token);
  EXPECT_THAT(names({.next_token = first->next_token, .max_results = 2}), ElementsAre("a-1"));
  ASSERT_TRUE(call<operations::DeleteTrainingJob>({"a-1"}));
  EXPECT_FALSE(call<operations::DescribeTrainingJob>({"a-1"}));
  EXPECT_THAT(names({}), ElementsAre("b-1", "a-2"));
  ASSERT_TRUE(create(request("a-1", "true")));
  EXPECT_EQ(wait_end("a-1").training_job_status, "Completed");
}

TEST_F(TrainingJobsTest, TagsOfAJob) {
  s3_.replace({{"b/data/a", "1"}});
  const std::string arn = create(request("job", "true"))->training_job_arn;
  EXPECT_EQ(call<operations::AddTags>({arn, {{"a", "1"}, {"b", "2"}}})->tags->size(), 2u);
  EXPECT_TRUE(call<operations::DeleteTags>({arn, {"a", "zzz"}}));
  auto tags = call<operations::ListTags>({arn});
  ASSERT_EQ(tags->tags->size(), 1u);
  EXPECT_EQ(tags->tags->at(0).key, "b");
  std::vector<Tag> many;
  for (int i = 0; i < 50; ++i) many.push_back({"k" + std::to_string(i), "v"});
  EXPECT_FALSE(call<operations::AddTags>({arn, many}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
