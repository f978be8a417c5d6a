// Jobs that are stopped, do not start, or go on after a restart.
#include <gmock/gmock.h>

#include <condition_variable>

#include "base/test_eventually.h"
#include "services/sagemaker/jobs/transform_job/test_transform_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using namespace api::sagemaker;

TEST_F(TransformJobsTest, StoppingEndsTheWork) {
  std::string input;
  for (int i = 0; i < 10'000; ++i) input += "line\n";
  s3_.replace({{"b/in/a.csv", input}});
  models_.answer = [&](const std::string& body) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return FakeModels::lengths(body);
  };
  auto made = request("job");
  made.batch_strategy = "SingleRecord";
  ASSERT_TRUE(create(made));
  wait_until([&] { return models_.invocations > 10; });
  ASSERT_TRUE(call<operations::StopTransformJob>({"job"}));
  EXPECT_EQ(wait_end("job").transform_job_status, "Stopped");
  EXPECT_LT(models_.invocations, 5'000);
  EXPECT_FALSE(s3_.has("b/out/a.csv.out"));
  auto again = call<operations::StopTransformJob>({"job"});
  EXPECT_EQ(again.error().message,
            "The request was rejected because the transform job is in status Stopped.");
}

TEST_F(TransformJobsTest, StoppingEndsTheWaitForTheModel) {
  s3_.replace({{"b/in/a.csv", "1"}});
  models_.starting = [&]() -> Result<Value> {
    EXPECT_TRUE(eventually([&] { return models_.stops != 0; }));
    return fail("DeploymentFailed", "it was stopped");
  };
  ASSERT_TRUE(create(request("job")));
  ASSERT_TRUE(call<operations::StopTransformJob>({"job"}));
  const auto job = wait_end("job");
  EXPECT_EQ(job.transform_job_status, "Stopped");
  EXPECT_FALSE(job.failure_reason);
}

TEST_F(TransformJobsTest, AModelThatDoesNotStartFailsTheJob) {
  s3_.replace({{"b/in/a.csv", "1"}});
  models_.starting = []() -> Result<Value> {
    return fail("DeploymentFailed", "ModuleNotFoundError: No module named 'x'");
  };
  const auto job = run(request("job"));
  EXPECT_EQ(job.transform_job_status, "Failed");
  EXPECT_EQ(*job.failure_reason, "AlgorithmError: ModuleNotFoundError: No module named 'x'");
}

TEST_F(TransformJobsTest, ARestartGoesOnWhereItWas) {
  for (int i = 0; i < 30; ++i)
    s3_.put("b/in/" + std::to_string(100 + i), "file" + std::to_string(i) + "\n");
  std::atomic<bool> slow = true;
  models_.answer = [&](const std::string& body) {
    if (slow && models_.invocations > 10) std::this_thread::sleep_for(std::chrono::seconds(1));
    return FakeModels::lengths(body);
  };
  ASSERT_TRUE(create(request("job")));
  wait_until([&] { return models_.invocations > 10; });
  slow = false;
  shut_down();
  const std::size_t done = s3_.objects().size() - 30;
  EXPECT_GE(done, 5u);
  EXPECT_LT(done, 30u);
  const int before = models_.invocations;
  start();
  EXPECT_EQ(wait_end("job").transform_job_status, "Completed");
  EXPECT_EQ(s3_.objects().size(), 60u);
  EXPECT_EQ(models_.invocations - before, int(30 - done));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
