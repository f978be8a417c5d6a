// Whole lives of jobs: the real engine on a memory store, real processes, small fakes for S3, Logs
// and IAM.
#include "services/sagemaker/training_job/training_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "compute/process/process_compute.h"
#include "compute/process/shim.h"
#include "services/sagemaker/archive.h"
#include "services/sagemaker/sagemaker_service.h"
#include "services/sagemaker/tags/tags.h"
#include "services/sagemaker/training_job/test_fakes.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker {
namespace {

namespace fs = std::filesystem;
using namespace api::sagemaker;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrainingJobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_training_XXXXXX";
    directory_ = ::mkdtemp(name);
    ::chmod(directory_.c_str(), 0755);
    fs::create_directories(directory_ / "toolkit");
    std::vector<store::TableSpec> tables = SagemakerService::tables();
    for (store::TableSpec& table : engine::engine_tables()) tables.push_back(std::move(table));
    store_ = store::make_memory_store(tables);
    start();
  }
  void TearDown() override {
    shut_down();
    fs::remove_all(directory_);
  }
  void start() {
    compute::ProcessOptions options;
    options.directory = directory_ / "compute";
    options.shim_command = {"/proc/self/exe", "shim"};
    compute_ = *compute::make_process_compute(options, clock_);
    engine_ = engine::make_engine(*store_, clock_, *random_);
    Settings settings{.jobs_directory = directory_ / "jobs",
                      .programs = {"/bin/false", host_python(), directory_ / "toolkit"},
                      .endpoint = "http://127.0.0.1:1"};
    service_ = std::make_unique<SagemakerService>(Dependencies{
        *store_, *engine_, *compute_, s3_, logs_, iam_, clock_, *random_, std::move(settings)});
    service_->add_to(*engine_);
    service_->add_to(registry_.emplace());
    ASSERT_TRUE(engine_->start());
    ASSERT_TRUE(compute_->start(service_->jobs()));
  }
  // Perhaps in root's home, where jobs' users cannot go by themselves.
  static std::string host_python() {
    FILE* pipe = ::popen("python3 -c 'import sys; print(sys.executable)'", "r");
    char path[4096] = {};
    if (pipe && ::fgets(path, sizeof path, pipe)) path[std::strcspn(path, "\n")] = 0;
    if (pipe) ::pclose(pipe);
    return path[0] ? path : "/usr/bin/python3";
  }
  void shut_down() {
    if (!compute_) return;
    compute_->stop_watching();
    engine_->stop();
    service_.reset();
    engine_.reset();
    compute_.reset();
  }
  Context context() {
    Context made;
    made.region = "us-east-1";
    made.principal.account = "123456789012";
    return made;
  }
  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input) {
    const Handler* handler = registry_->find(Op::operation());
    Context made = context();
    Value value = TRY((*handler)(made, to_value(input)));
    typename Op::Output output{};
    TRY(from_value(value, output));
    return output;
  }
  static CreateTrainingJobRequest request(const std::string& name, const std::string& script) {
    CreateTrainingJobRequest out;
    out.training_job_name = name;
    out.role_arn = "arn:aws:iam::123456789012:role/r";
    auto& algorithm = out.algorithm_specification.ensure();
    algorithm.training_image = "pytorch-training:2";
    algorithm.training_input_mode = "File";
    algorithm.container_entrypoint = std::vector<std::string>{"/bin/sh", "-c", script};
    algorithm.metric_definitions = std::vector<MetricDefinition>{{"loss", "loss=([0-9.]+)"}};
    out.output_data_config.ensure().s3_output_path = "s3://b/out";
    auto& resources = out.resource_config.ensure();
    resources.instance_type = "ml.m5.large";
    resources.instance_count = 1;
    out.stopping_condition.ensure().max_runtime_in_seconds = 600;
    Channel channel;
    channel.channel_name = "train";
    auto& source = channel.data_source.ensure().s3_data_source.ensure();
    source.s3_data_type = "S3Prefix";
    source.s3_uri = "s3://b/data/";
    out.input_data_config = std::vector{channel};
    return out;
  }
  // `script` sees the job's /opt/ml as $ML.
  Result<CreateTrainingJobResponse> create(CreateTrainingJobRequest made) {
    std::string& script = made.algorithm_specification->container_entrypoint->back();
    script = "ML=${TIDEMILL_ML_ROOT:-/opt/ml}; " + script;
    return call<operations::CreateTrainingJob>(made);
  }
  DescribeTrainingJobResponse describe(const std::string& name) {
    auto out = call<operations::DescribeTrainingJob>({name});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : DescribeTrainingJobResponse{};
  }
  DescribeTrainingJobResponse wait_end(const std::string& name) {
    engine_->wait_for(kTrainingJobMachine, training_job_key("123456789012", "us-east-1", name),
                      seconds(20), [](const std::optional<std::string>& record) {
                        return record && is_terminal(*from_json<TrainingJob>(*record));
                      });
    return describe(name);
  }
  void wait_line(const std::string& name, const std::string& line) {
    for (int i = 0; i < 2000; ++i) {
      auto lines = lines_of(name);
      if (std::find(lines.begin(), lines.end(), line) != lines.end()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "no line " << line;
  }
  std::vector<std::string> lines_of(const std::string& name) {
    auto found = training_jobs().get(*store_, training_job_key("123456789012", "us-east-1", name));
    if (!found || !*found) return {};
    return logs_.lines(std::string(kTrainingLogGroup) + ":" +
                       log_stream(name, (*found)->record.created));
  }
  std::map<std::string, std::string> unpack(const std::string& object) {
    const fs::path file = directory_ / "unpacked.tar.gz", folder = directory_ / "unpacked";
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::ofstream(file) << s3_.objects[object];
    EXPECT_TRUE(unpack_tar(file, folder, 1 << 30)) << object;
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) {
        std::ifstream in(entry.path());
        files[entry.path().lexically_relative(folder)] =
            std::string(std::istreambuf_iterator<char>(in), {});
      }
    return files;
  }

  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  FakeS3 s3_;
  FakeLogs logs_;
  FakeIam iam_;
  fs::path directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<compute::Compute> compute_;
  std::optional<Registry> registry_;
  std::unique_ptr<SagemakerService> service_;
};

TEST_F(TrainingJobsTest, ScriptTrainsAndUploads) {
  s3_.objects = {{"b/data/a.csv", "1,2\n"}, {"b/data/deep/b.csv", "3\n"}, {"b/data/c", "4\n"}};
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
  s3_.objects = {{"b/data/a", "1"}};
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

TEST_F(TrainingJobsTest, FailureNamesTheReason) {
  s3_.objects = {{"b/data/a", "1"}};
  ASSERT_TRUE(create(request("job", "echo 'it is broken' > $ML/output/failure; exit 3")));
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Failed");
  EXPECT_EQ(job.failure_reason, "AlgorithmError: it is broken, exit code: 3");
  EXPECT_FALSE(s3_.objects.contains("b/out/job/output/model.tar.gz"));
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

TEST_F(TrainingJobsTest, ARoleWithoutAccessFailsTheJob) {
  s3_.objects = {{"b/data/a", "1"}};
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
  EXPECT_EQ(s3_.objects.size(), 1u);
  EXPECT_THAT(iam_.asked(),
              ElementsAre("s3:GetObject arn:aws:s3:::b/data/a",
                          "s3:ListBucket arn:aws:s3:::b s3:prefix=data/",
                          "s3:PutObject arn:aws:s3:::b/out/PutObject/output/model.tar.gz"));
}

TEST_F(TrainingJobsTest, TheGrantEndsWithTheJob) {
  s3_.objects = {{"b/data/a", "1"}};
  ASSERT_TRUE(create(request("job", "echo ready; sleep 0.2")));
  wait_line("job", "ready");
  EXPECT_EQ(iam_.grants(), 1u);
  EXPECT_EQ(wait_end("job").training_job_status, "Completed");
  for (int i = 0; i < 2000 && iam_.grants() != 0; ++i)  // CleanUp runs after the end
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(iam_.grants(), 0u);
}

TEST_F(TrainingJobsTest, StopKeepsTheModel) {
  s3_.objects = {{"b/data/a", "1"}};
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
  s3_.objects = {{"b/data/a", "1"}};
  auto made = request("job", "while :; do sleep 0.01; done");
  made.stopping_condition->max_runtime_in_seconds = 1;
  ASSERT_TRUE(create(made));
  auto job = wait_end("job");
  EXPECT_EQ(job.training_job_status, "Stopped");
  EXPECT_EQ(job.secondary_status, "MaxRuntimeExceeded");
}

TEST_F(TrainingJobsTest, CheckpointsAreRestoredAndKept) {
  s3_.objects = {{"b/data/a", "1"}, {"b/ckpt/1", "one\n"}};
  auto made = request("job", "cat $ML/checkpoints/1; echo two > $ML/checkpoints/2");
  made.checkpoint_config.ensure().s3_uri = "s3://b/ckpt";
  ASSERT_TRUE(create(made));
  EXPECT_EQ(wait_end("job").training_job_status, "Completed");
  EXPECT_THAT(lines_of("job"), ElementsAre("one"));
  EXPECT_EQ(s3_.objects["b/ckpt/2"], "two\n");
}

TEST_F(TrainingJobsTest, JobGoesOnWithoutTheServer) {
  s3_.objects = {{"b/data/a", "1"}};
  ASSERT_TRUE(create(request("job", "echo ready; sleep 0.3; echo done; echo x > $ML/model/m")));
  wait_line("job", "ready");
  shut_down();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  start();
  EXPECT_EQ(wait_end("job").training_job_status, "Completed");
  EXPECT_THAT(lines_of("job"), ElementsAre("ready", "done"));
  EXPECT_EQ(unpack("b/out/job/output/model.tar.gz")["m"], "x\n");
}

TEST_F(TrainingJobsTest, Errors) {
  s3_.objects = {{"b/data/a", "1"}};
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
}

TEST_F(TrainingJobsTest, ListAndDelete) {
  s3_.objects = {{"b/data/a", "1"}};
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
  s3_.objects = {{"b/data/a", "1"}};
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
}  // namespace tidemill::services::sagemaker

// Jobs' shims are this program, too.
int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "shim")
    return tidemill::compute::shim_main(argc, argv);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
