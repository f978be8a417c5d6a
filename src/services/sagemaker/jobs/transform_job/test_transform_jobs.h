// Whole lives of jobs: the real engine on a memory store, small fakes for S3, Logs, IAM and the
// model.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/test_eventually.h"
#include "compute/process/process_compute.h"
#include "services/s3/test_s3.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/common/test_fakes.h"
#include "services/sagemaker/common/test_role_s3.h"
#include "services/sagemaker/jobs/transform_job/transform_jobs.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker::jobs {

namespace operations = api::sagemaker::operations;

inline Error model_error(int status, const std::string& message) {
  Error error{"ModelError", "Received error", 424};
  error.details = {{"OriginalStatusCode", std::to_string(status)}, {"OriginalMessage", message}};
  return error;
}

// Answers each line with its length, by default.
class FakeModels final : public BatchModels {
 public:
  std::function<Result<std::string>(const std::string& body)> answer = lengths;
  std::function<Result<Value>()> starting = []() -> Result<Value> { return Value("running"); };
  std::size_t payload_bytes_wanted = 0;
  Timestamp role_since;
  std::atomic<int> invocations = 0, under_way = 0, under_way_most = 0, stops = 0;
  std::multiset<std::string> bodies;  // guarded by mutex
  std::mutex mutex;

  static Result<std::string> lengths(const std::string& body) {
    std::string out;
    std::size_t begin = 0;
    while (begin <= body.size()) {
      const std::size_t end = std::min(body.find('\n', begin), body.size());
      out += std::to_string(end - begin) + "\n";
      begin = end + 1;
    }
    return out;
  }

  Result<Plan> plan(const Context&, const api::sagemaker::CreateTransformJobRequest& request,
                    const std::string&) override {
    if (request.model_name == "none")
      return fail("ValidationException", "Could not find model \"none\".");
    return Plan{Value("planned"), "arn:aws:iam::123456789012:role/" + request.model_name,
                role_since};
  }
  Result<Value> start(const TransformJob&) override { return starting(); }
  Result<std::unique_ptr<BatchModel>> open(const TransformJob& job) override {
    EXPECT_EQ(job.model, Value("running"));
    return std::make_unique<Opened>(*this);
  }
  Result<void> stop(const TransformJob&) override {
    ++stops;
    return {};
  }

 private:
  struct Opened final : BatchModel {
    explicit Opened(FakeModels& of) : models(of) {}
    FakeModels& models;
    Result<std::string> invoke(Request request) override {
      ++models.invocations;
      const int now = ++models.under_way;
      for (int most = models.under_way_most;
           now > most && !models.under_way_most.compare_exchange_weak(most, now);)
        continue;
      {
        std::lock_guard lock(models.mutex);
        models.bodies.insert(request.body);
      }
      Result<std::string> out = models.answer(request.body);
      --models.under_way;
      return out;
    }
    std::size_t payload_bytes_wanted() const override { return models.payload_bytes_wanted; }
  };
};

class TransformJobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_transform_XXXXXX";
    directory_ = ::mkdtemp(name);
    std::vector<store::TableSpec> tables = TransformJobs::tables();
    tables.push_back(resource_tags().spec());
    for (store::TableSpec& table : engine::engine_tables()) tables.push_back(std::move(table));
    store_ = store::make_memory_store(tables);
    start();
  }
  void TearDown() override {
    shut_down();
    std::filesystem::remove_all(directory_);
  }
  void start() {
    compute_ = *compute::make_process_driver({.directory = directory_ / "jobs",
                                              .shim_command = {"/bin/false"},
                                              .volumes_directory = directory_},
                                             clock_);
    engine_ = engine::make_engine(*store_, clock_, *random_);
    engine_->on_change([](const std::string& record) { test_held().changed(record); });
    service_ = std::make_unique<TransformJobs>(Dependencies{*store_,
                                                            *engine_,
                                                            *compute_,
                                                            s3_in_account(s3_),
                                                            logs_,
                                                            iam_,
                                                            clock_,
                                                            *random_,
                                                            test_held(),
                                                            s3_as(s3_, iam_),
                                                            {}},
                                               models_);
    service_->add_to(*engine_);
    service_->add_to(registry_.emplace());
    ASSERT_TRUE(engine_->start());
  }
  void shut_down() {
    engine_->stop();
    service_.reset();
    engine_.reset();
    compute_.reset();
  }
  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input) {
    return call_operation<Op>(*registry_, input);
  }
  static api::sagemaker::CreateTransformJobRequest request(const std::string& name) {
    api::sagemaker::CreateTransformJobRequest out;
    out.transform_job_name = name;
    out.model_name = "m";
    auto& input = out.transform_input.ensure();
    auto& source = input.data_source.ensure().s3_data_source.ensure();
    source.s3_data_type = "S3Prefix";
    source.s3_uri = "s3://b/in/";
    input.content_type = "text/csv";
    input.split_type = "Line";
    out.transform_output.ensure().s3_output_path = "s3://b/out/";
    out.transform_output->accept = "text/csv";
    out.transform_output->assemble_with = "Line";
    out.transform_resources.ensure().instance_type = "ml.m5.large";
    out.transform_resources->instance_count = 1;
    return out;
  }
  Result<api::sagemaker::CreateTransformJobResponse> create(
      const api::sagemaker::CreateTransformJobRequest& made) {
    return call<operations::CreateTransformJob>(made);
  }
  api::sagemaker::DescribeTransformJobResponse describe(const std::string& name) {
    Result<api::sagemaker::DescribeTransformJobResponse> job =
        call<operations::DescribeTransformJob>({name});
    EXPECT_TRUE(job);
    return job ? *job : api::sagemaker::DescribeTransformJobResponse{};
  }
  api::sagemaker::DescribeTransformJobResponse wait_end(const std::string& name) {
    for (int i = 0; i < 20; ++i) {
      api::sagemaker::DescribeTransformJobResponse job = describe(name);  // waits by itself
      if (job.transform_end_time) return job;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << name << " does not end";
    return {};
  }
  api::sagemaker::DescribeTransformJobResponse run(
      const api::sagemaker::CreateTransformJobRequest& made) {
    Result<api::sagemaker::CreateTransformJobResponse> created = create(made);
    EXPECT_TRUE(created) << created.error().message;
    return wait_end(made.transform_job_name);
  }
  static void wait_until(const std::function<bool()>& done) { EXPECT_TRUE(eventually(done)); }
  std::vector<std::string> data_log(const std::string& name) {
    auto job = transform_jobs().get(*store_, transform_job_key("123456789012", "us-east-1", name));
    return logs_.lines(std::string(kTransformLogGroup) + ":" +
                       transform_data_log_stream((*job)->record));
  }
  std::size_t rows() {
    store::Scan scan;
    scan.table = transform_files().name();
    return store_->scan(scan)->rows.size();
  }

  std::filesystem::path directory_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  std::unique_ptr<store::Store> store_;
  s3::TestS3 s3_{{"b"}};
  FakeLogs logs_;
  FakeIam iam_;
  FakeModels models_;
  std::unique_ptr<compute::Driver> compute_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<TransformJobs> service_;
  std::optional<Registry> registry_;
};

}  // namespace tidemill::services::sagemaker::jobs
