// Whole lives of jobs: the real engine on a memory store, real processes, small fakes for S3, Logs
// and IAM.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/test_eventually.h"
#include "compute/conformance/test_remote_volumes.h"
#include "compute/process/process_compute.h"
#include "services/platform/archives/archive.h"
#include "services/s3/test_s3.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/common/test_fakes.h"
#include "services/sagemaker/common/test_role_s3.h"
#include "services/sagemaker/jobs/training_job/training_jobs.h"
#include "services/sagemaker/sagemaker_service.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker::jobs {

namespace operations = api::sagemaker::operations;

class TrainingJobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_training_XXXXXX";
    directory_ = ::mkdtemp(name);
    ::chmod(directory_.c_str(), 0755);
    std::filesystem::create_directories(directory_ / "toolkit");
    std::vector<store::TableSpec> tables = SagemakerService::tables();
    for (store::TableSpec& table : engine::engine_tables()) tables.push_back(std::move(table));
    store_ = store::make_memory_store(tables);
    start();
  }
  void TearDown() override {
    shut_down();
    std::filesystem::remove_all(directory_);
  }
  void start() {
    compute::ProcessOptions options;
    options.directory = directory_ / "compute";
    options.shim_command = {"/proc/self/exe", "shim"};
    options.volumes_directory = directory_ / "volumes";
    options.runtime = [this](const std::string&) -> Result<compute::Runtime> {
      PythonEnvironment python = python_environment(programs());
      return compute::Runtime{{{kPythonProgram, host_python()}},
                              std::move(python.variables),
                              std::move(python.folders)};
    };
    // Training works by publish() and collect() alone, wherever jobs run.
    compute_ = std::make_unique<compute::DriverWithRemoteVolumes>(
        *compute::make_process_driver(options, clock_), directory_ / "copies");
    engine_ = engine::make_engine(*store_, clock_, *random_);
    engine_->on_change([](const std::string& record) { test_held().changed(record); });
    Settings settings{.programs = programs(), .endpoint = "http://127.0.0.1:1"};
    service_ = std::make_unique<SagemakerService>(
        Dependencies{*store_, *engine_, *compute_, s3_in_account(s3_), logs_, iam_, clock_,
                     *random_, test_held(), s3_as(s3_, iam_), std::move(settings)});
    service_->add_to(*engine_);
    service_->add_to(registry_.emplace());
    ASSERT_TRUE(engine_->start());
    service_->add_to(listeners_.emplace());
    ASSERT_TRUE(compute_->adopt(*listeners_));
  }
  Programs programs() const { return {"/bin/false", host_python(), directory_ / "toolkit"}; }
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
  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input) {
    return call_operation<Op>(*registry_, input);
  }
  static api::sagemaker::CreateTrainingJobRequest request(const std::string& name,
                                                          const std::string& script) {
    api::sagemaker::CreateTrainingJobRequest out;
    out.training_job_name = name;
    out.role_arn = "arn:aws:iam::123456789012:role/r";
    auto& algorithm = out.algorithm_specification.ensure();
    algorithm.training_image = "pytorch-training:2";
    algorithm.training_input_mode = "File";
    algorithm.container_entrypoint = std::vector<std::string>{"/bin/sh", "-c", script};
    algorithm.metric_definitions =
        std::vector<api::sagemaker::MetricDefinition>{{"loss", "loss=([0-9.]+)"}};
    out.output_data_config.ensure().s3_output_path = "s3://b/out";
    auto& resources = out.resource_config.ensure();
    resources.instance_type = "ml.m5.large";
    resources.instance_count = 1;
    out.stopping_condition.ensure().max_runtime_in_seconds = 600;
    api::sagemaker::Channel channel;
    channel.channel_name = "train";
    auto& source = channel.data_source.ensure().s3_data_source.ensure();
    source.s3_data_type = "S3Prefix";
    source.s3_uri = "s3://b/data/";
    out.input_data_config = std::vector{channel};
    return out;
  }
  // `script` sees the job's /opt/ml as $ML.
  Result<api::sagemaker::CreateTrainingJobResponse> create(
      api::sagemaker::CreateTrainingJobRequest made) {
    std::string& script = made.algorithm_specification->container_entrypoint->back();
    script = "ML=${TIDEMILL_ML_ROOT:-/opt/ml}; " + script;
    return call<operations::CreateTrainingJob>(made);
  }
  api::sagemaker::DescribeTrainingJobResponse describe(const std::string& name) {
    auto out = call<operations::DescribeTrainingJob>({name});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : api::sagemaker::DescribeTrainingJobResponse{};
  }
  api::sagemaker::DescribeTrainingJobResponse wait_end(const std::string& name) {
    engine_->wait_for(kTrainingJobMachine, training_job_key("123456789012", "us-east-1", name),
                      std::chrono::seconds(20), [](const std::optional<std::string>& record) {
                        return record && is_terminal(*from_json<TrainingJob>(*record));
                      });
    return describe(name);
  }
  void wait_line(const std::string& name, const std::string& line) {
    ASSERT_TRUE(eventually([&] {
      auto lines = lines_of(name);
      return std::find(lines.begin(), lines.end(), line) != lines.end();
    })) << "no line "
        << line;
  }
  std::vector<std::string> lines_of(const std::string& name) {
    auto found = training_jobs().get(*store_, training_job_key("123456789012", "us-east-1", name));
    if (!found || !*found) return {};
    return logs_.lines(std::string(kTrainingLogGroup) + ":" +
                       log_stream(name, (*found)->record.created));
  }
  std::map<std::string, std::string> unpack(const std::string& object) {
    const std::filesystem::path file = directory_ / "unpacked.tar.gz",
                                folder = directory_ / "unpacked";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(file) << s3_.object(object);
    EXPECT_TRUE(platform::unpack_tar(file, folder, 1 << 30)) << object;
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) {
        std::ifstream in(entry.path());
        files[entry.path().lexically_relative(folder)] =
            std::string(std::istreambuf_iterator<char>(in), {});
      }
    return files;
  }

  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  s3::TestS3 s3_{{"b"}};
  FakeLogs logs_;
  FakeIam iam_;
  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<compute::Driver> compute_;
  std::optional<Registry> registry_;
  std::unique_ptr<SagemakerService> service_;
  std::optional<compute::JobListeners> listeners_;
};

}  // namespace tidemill::services::sagemaker::jobs
