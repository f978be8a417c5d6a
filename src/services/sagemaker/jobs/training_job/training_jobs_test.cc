// Jobs that train to their end, are stopped, or go on without the server.
#include <gmock/gmock.h>

#include "base/test_eventually.h"
#include "compute/process/shim.h"
#include "services/sagemaker/jobs/training_job/test_training_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;
using namespace api::sagemaker;
using std::chrono::seconds;

TEST_F(TrainingJobsTest, ScriptTrainsAndUploads) {
  s3_.replace({{"b/data/a.csv", "1,2\n"}, {"b/data/deep/b.csv", "3\n"}, {"b/data/c", "4\n"}});
  auto made = request("job",
                      "cat $ML/input/data/train/a.csv $ML/input/data/train/deep/b.csv "
                      "$ML/input/data/train/c; echo loss=0.5; echo loss=0.25; "
                      "echo $TRAINING_JOB_NAME $MINE ${AWS_CONTAINER_CREDENTIALS_FULL_URI%.job.*} "
                      "${AWS_CONTAINER_AUTHORIZATION_TOKEN%.job.*} $AWS_ACCESS_KEY_ID; "
                      "grep -o num_round $ML/input/config/hyperparameters.json; "
                      "echo model > $ML/model/m; echo extra > $ML/output/data/o");
  made.hyper_parameters.emplace()["num_round"] = "3";
  made.environment.emplace()["MINE"] = "mine";
  made.tags = std::vector<Tag>{{"k", "v"}};
  const auto begin = std::chrono::steady_clock::now();
  auto created = create(made);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->training_job_arn, "arn:aws:sagemaker:us-east-1:123456789012:training-job/job");
  // The first Describe is held until the job's end.
  auto job = describe("job");
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(job.training_job_status, "Completed") << job.failure_reason.value_or("");
  EXPECT_LT(took, std::chrono::milliseconds(3000));
  RecordProperty("milliseconds", int(took / std::chrono::milliseconds(1)));
  EXPECT_EQ(job.model_artifacts->s3_model_artifacts, "s3://b/out/job/output/model.tar.gz");
  EXPECT_THAT(lines_of("job"), ElementsAre("1,2", "3", "4", "loss=0.5", "loss=0.25",
                                           "job mine http://127.0.0.1:1/_tidemill/credentials/"
                                           "training.123456789012.us-east-1 "
                                           "token-of-training.123456789012.us-east-1",
                                           "num_round"));
  EXPECT_EQ(unpack("b/out/job/output/model.tar.gz"),
            (std::map<std::string, std::string>{{"m", "model\n"}}));
  EXPECT_EQ(unpack("b/out/job/output/output.tar.gz")["data/o"], "extra\n");
  ASSERT_TRUE(job.final_metric_data_list);
  EXPECT_EQ(job.final_metric_data_list->at(0).value, 0.25);
  std::vector<std::string> statuses;
  for (const auto& t : *job.secondary_status_transitions) statuses.push_back(t.status);
  EXPECT_THAT(statuses,
              ElementsAre("Starting", "Downloading", "Training", "Uploading", "Completed"));
  EXPECT_GE(*job.billable_time_in_seconds, 1);
  auto tags = call<operations::ListTags>({created->training_job_arn});
  ASSERT_TRUE(tags && tags->tags);
  EXPECT_EQ(tags->tags->at(0).value, "v");
}

TEST_F(TrainingJobsTest, ScriptModeRunsTheToolkitOnTheHostsPython) {
  s3_.replace({{"b/data/a", "1"}});
  const fs::path module = directory_ / "toolkit" / "tidemill_training";
  fs::create_directories(module);
  std::ofstream(module / "__main__.py")
      << "import json, os\n"
         "root = os.environ.get('TIDEMILL_ML_ROOT', '/opt/ml')\n"
         "print(json.load(open(root + "
         "'/input/config/hyperparameters.json'))['sagemaker_program'])\n"
         "open(root + '/model/m', 'w').write(os.environ['TRAINING_JOB_NAME'])\n"
         "open(os.environ['HOME'] + '/x', 'w').write('home is mine')\n";
  // The toolkit may lie in a folder that only root may enter.
  fs::permissions(directory_, fs::perms::owner_all);
  auto made = request("job", "");
  made.algorithm_specification->training_image = "sagemaker-scikit-learn:1.2-1";
  made.algorithm_specification->container_entrypoint.reset();
  made.hyper_parameters.emplace()["sagemaker_program"] = "\"train.py\"";
  auto created = call<operations::CreateTrainingJob>(made);
  ASSERT_TRUE(created) << created.error().message;
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Completed") << job.failure_reason.value_or("");
  EXPECT_THAT(lines_of("job"), ElementsAre("\"train.py\""));
  EXPECT_EQ(unpack("b/out/job/output/model.tar.gz")["m"], "job");
}

TEST_F(TrainingJobsTest, TheGrantEndsWithTheJob) {
  s3_.replace({{"b/data/a", "1"}});
  ASSERT_TRUE(create(request("job", "echo ready; sleep 0.2")));
  wait_line("job", "ready");
  EXPECT_EQ(iam_.grants(), 1u);
  EXPECT_EQ(wait_end("job").training_job_status, "Completed");
  // CleanUp runs after the end.
  EXPECT_TRUE(eventually([&] { return iam_.grants() == 0; }));
}

TEST_F(TrainingJobsTest, StopKeepsTheModel) {
  s3_.replace({{"b/data/a", "1"}});
  ASSERT_TRUE(create(request("job",
                             "trap 'echo so far > $ML/model/m; exit 0' TERM; echo ready; "
                             "while :; do sleep 0.01; done")));
  wait_line("job", "ready");
  ASSERT_TRUE(call<operations::StopTrainingJob>({"job"}));
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Stopped");
  EXPECT_EQ(job.secondary_status, "Stopped");
  EXPECT_EQ(unpack("b/out/job/output/model.tar.gz")["m"], "so far\n");
  auto again = call<operations::StopTrainingJob>({"job"});
  EXPECT_EQ(again.error().code, "ValidationException");
  EXPECT_THAT(again.error().message, HasSubstr("in status Stopped"));
}

TEST_F(TrainingJobsTest, MaxRuntime) {
  s3_.replace({{"b/data/a", "1"}});
  auto made = request("job", "while :; do sleep 0.01; done");
  made.stopping_condition->max_runtime_in_seconds = 1;
  ASSERT_TRUE(create(made));
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Stopped");
  EXPECT_EQ(job.secondary_status, "MaxRuntimeExceeded");
}

TEST_F(TrainingJobsTest, CheckpointsAreRestoredAndKept) {
  s3_.replace({{"b/data/a", "1"}, {"b/ckpt/1", "one\n"}});
  auto made = request("job", "cat $ML/checkpoints/1; echo two > $ML/checkpoints/2");
  made.checkpoint_config.ensure().s3_uri = "s3://b/ckpt";
  ASSERT_TRUE(create(made));
  EXPECT_EQ(wait_end("job").training_job_status, "Completed");
  EXPECT_THAT(lines_of("job"), ElementsAre("one"));
  EXPECT_EQ(s3_.object("b/ckpt/2"), "two\n");
}

TEST_F(TrainingJobsTest, JobGoesOnWithoutTheServer) {
  s3_.replace({{"b/data/a", "1"}});
  ASSERT_TRUE(create(request("job", "echo ready; sleep 0.3; echo done; echo x > $ML/model/m")));
  wait_line("job", "ready");
  shut_down();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  start();
  EXPECT_EQ(wait_end("job").training_job_status, "Completed");
  EXPECT_THAT(lines_of("job"), ElementsAre("ready", "done"));
  EXPECT_EQ(unpack("b/out/job/output/model.tar.gz")["m"], "x\n");
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs

// Jobs' shims are this program, too.
int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "shim")
    return tidemill::compute::shim_main(argc, argv);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
