#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "services/sagemaker/jobs/training_job/artifacts.h"
#include "services/sagemaker/jobs/training_job/channels.h"
#include "services/sagemaker/jobs/training_job/job_folder.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(TrainingChannels, PathsFollowThePrefix) {
  EXPECT_EQ(path_in_channel("data/train/", "data/train/a.csv"), "a.csv");
  EXPECT_EQ(path_in_channel("data/train", "data/train/b/a.csv"), "b/a.csv");
  EXPECT_EQ(path_in_channel("data/train.csv", "data/train.csv"), "train.csv");
  EXPECT_EQ(path_in_channel("data/tr", "data/train.csv"), "train.csv");
  EXPECT_EQ(path_in_channel("", "a/b"), "a/b");
  EXPECT_EQ(path_in_channel("a/", "a/"), std::nullopt);
  EXPECT_EQ(path_in_channel("a/", "a/b/"), std::nullopt);
  EXPECT_EQ(path_in_channel("a/", "a/../../etc/passwd"), std::nullopt);
  EXPECT_EQ(path_in_channel("a/", "a//b"), "b");
}

TEST(TrainingChannels, Manifests) {
  Result<Manifest> manifest = parse_manifest(R"([{"prefix":"s3://b/p/"},"x","y/z"])");
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->bucket, "b");
  EXPECT_EQ(manifest->prefix, "p/");
  EXPECT_THAT(manifest->names, ::testing::ElementsAre("x", "y/z"));
  for (const char* bad :
       {"", "{}", "[]", R"(["x"])", R"([{"prefix":"p"},"x"])", R"([{"prefix":"s3://b/p"},1])"})
    EXPECT_FALSE(parse_manifest(bad)) << bad;
}

TrainingJob example_job() {
  TrainingJob job;
  job.account = "123456789012";
  job.region = "us-east-1";
  job.arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/j";
  job.request.training_job_name = "j";
  job.request.algorithm_specification.ensure().training_image = "xgboost:1";
  job.request.resource_config.ensure().instance_type = "ml.m5.large";
  job.request.hyper_parameters.emplace()["num_round"] = "3";
  job.request.environment.emplace()["MINE"] = "1";
  api::sagemaker::Channel channel;
  channel.channel_name = "train";
  channel.content_type = "text/csv";
  channel.data_source.ensure().s3_data_source.ensure().s3_uri = "s3://b/t";
  job.request.input_data_config = std::vector{channel};
  return job;
}

TEST(TrainingJobFolder, ContainerContract) {
  std::map<std::string, Value> files;
  for (const auto& [name, text] : config_files(example_job())) files[name] = *parse_json(text);
  EXPECT_EQ(*files["hyperparameters.json"].find("num_round")->as_string(), "3");
  const Value& train = *files["inputdataconfig.json"].find("train");
  EXPECT_EQ(*train.find("ContentType")->as_string(), "text/csv");
  EXPECT_EQ(*train.find("TrainingInputMode")->as_string(), "File");
  EXPECT_EQ(*files["resourceconfig.json"].find("current_host")->as_string(), "algo-1");
  EXPECT_EQ(files["resourceconfig.json"].find("hosts")->as_list()->size(), 1u);

  compute::JobSpec spec = job_spec(example_job(), {"training/j", "/copies/training/j"},
                                   {{.server_url = "http://h:1"}, {{"TOKEN", "T"}}});
  EXPECT_EQ(spec.runtime, kNativeRuntime);
  EXPECT_THAT(spec.command, ::testing::ElementsAre("tidemill", "train", "xgboost"));
  EXPECT_EQ(spec.environment["TRAINING_JOB_NAME"], "j");
  EXPECT_EQ(spec.environment["AWS_ENDPOINT_URL"], "http://h:1");
  EXPECT_EQ(spec.credentials["TOKEN"], "T");
  EXPECT_FALSE(spec.environment.contains("TOKEN"));
  EXPECT_EQ(spec.environment["MINE"], "1");
  EXPECT_EQ(spec.volumes.at(0).volume, "training/j/ml");
  EXPECT_EQ(spec.volumes.at(0).destination, "/opt/ml");
  EXPECT_EQ(spec.volumes.at(0).variable, "TIDEMILL_ML_ROOT");
  EXPECT_GT(spec.resources.memory_bytes_max, 0u);
  // Nothing says that the job runs on this machine.
  for (const auto& [name, value] : spec.environment)
    EXPECT_THAT(value, ::testing::Not(HasSubstr("/copies"))) << name;
}

class FailureReasonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_job_XXXXXX";
    directory_ = ::mkdtemp(name);
    compute::LocalVolumes volumes(directory_);
    folder_ = job_folder(volumes, job_);
    ASSERT_TRUE(make_job_folder(volumes, folder_, job_));
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string reason(compute::JobExit exit, std::string_view log = "") {
    return failure_reason(job_, folder_, exit, log);
  }
  TrainingJob job_ = example_job();
  fs::path directory_;
  JobFolder folder_;
};

TEST_F(FailureReasonTest, NoneWhenItWentWell) {
  EXPECT_EQ(reason({.exit_code = 0}), "");
  job_.stop_requested = true;
  EXPECT_EQ(reason({.exit_code = 143, .signal = 15}), "");
}

TEST_F(FailureReasonTest, TheFailureFileComesFirst) {
  std::ofstream(folder_.ml() + "/output/failure") << "it broke\n";
  EXPECT_EQ(reason({.exit_code = 1}, "Traceback x"), "AlgorithmError: it broke, exit code: 1");
  std::ofstream(folder_.ml() + "/output/failure") << "ClientError: bad row 3";
  EXPECT_EQ(reason({.exit_code = 1}), "ClientError: bad row 3, exit code: 1");
  std::ofstream(folder_.ml() + "/output/failure") << std::string(5000, 'x');
  EXPECT_EQ(reason({.exit_code = 1}).size(),
            std::string("AlgorithmError: , exit code: 1").size() + 1024);
}

TEST_F(FailureReasonTest, TheScriptBelowTheSdksDriverIsHeard) {
  std::ofstream(folder_.ml() + "/output/failure")
      << "Traceback (most recent call last):\nsubprocess.CalledProcessError: Command '['x']' ...";
  const std::string driver =
      "Command failed with exit code 1. Traceback: Traceback (most recent call last):\n"
      "subprocess.CalledProcessError: Command '['x']' ...\n+ exit\n";
  EXPECT_EQ(
      reason({.exit_code = 1}, "Traceback (most recent call last):\nValueError: no\n" + driver),
      "AlgorithmError: Traceback (most recent call last):\nValueError: no, exit code: 1");
  EXPECT_THAT(reason({.exit_code = 1}, "quiet\n" + driver), HasSubstr("CalledProcessError"));
}

TEST_F(FailureReasonTest, ElseTheTraceback) {
  const std::string log =
      "line\nTraceback (most recent call last):\n  File \"a\"\nValueError: no\n";
  EXPECT_EQ(reason({.exit_code = 1}, log),
            "AlgorithmError: Traceback (most recent call last):\n  File \"a\"\nValueError: no, "
            "exit code: 1");
  EXPECT_EQ(describe_failure("one\ntwo\n"), "one\ntwo");
  EXPECT_THAT(reason({.exit_code = 139, .signal = 11}), HasSubstr("signal 11"));
  EXPECT_THAT(reason({.exit_code = 137, .signal = 9, .out_of_memory = true}),
              HasSubstr("out of memory"));
  EXPECT_THAT(reason({.exit_code = 127, .reason = "no such command"}),
              HasSubstr("no such command"));
}

TEST_F(FailureReasonTest, LinksOfTheJobAreNotRead) {
  fs::create_symlink("/etc/passwd", folder_.ml() + "/output/failure");
  EXPECT_THAT(reason({.exit_code = 1}), ::testing::Not(HasSubstr("root")));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
