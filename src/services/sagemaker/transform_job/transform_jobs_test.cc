// Whole lives of jobs: the real engine on a memory store, small fakes for S3, Logs, IAM and the
// model.
#include "services/sagemaker/transform_job/transform_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <set>
#include <thread>

#include "compute/process/process_compute.h"
#include "services/sagemaker/tags/tags.h"
#include "services/sagemaker/training_job/test_fakes.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker {
namespace {

namespace fs = std::filesystem;
using namespace api::sagemaker;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Error model_error(int status, const std::string& message) {
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

  Result<Plan> plan(const Context&, const CreateTransformJobRequest& request,
                    const std::string&) override {
    if (request.model_name == "none")
      return fail("ValidationException", "Could not find model \"none\".");
    return Plan{Value("planned"), "arn:aws:iam::123456789012:role/" + request.model_name};
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
    fs::remove_all(directory_);
  }
  void start() {
    compute_ = *compute::make_process_compute(
        {.directory = directory_, .shim_command = {"/bin/false"}}, clock_);
    engine_ = engine::make_engine(*store_, clock_, *random_);
    service_ = std::make_unique<TransformJobs>(
        Dependencies{*store_, *engine_, *compute_, s3_, logs_, iam_, clock_, *random_, {}},
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
    const Handler* handler = registry_->find(Op::operation());
    Context made;
    made.region = "us-east-1";
    made.principal.account = "123456789012";
    Value value = TRY((*handler)(made, to_value(input)));
    typename Op::Output output{};
    TRY(from_value(value, output));
    return output;
  }
  static CreateTransformJobRequest request(const std::string& name) {
    CreateTransformJobRequest out;
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
  Result<CreateTransformJobResponse> create(const CreateTransformJobRequest& made) {
    return call<operations::CreateTransformJob>(made);
  }
  DescribeTransformJobResponse describe(const std::string& name) {
    Result<DescribeTransformJobResponse> job = call<operations::DescribeTransformJob>({name});
    EXPECT_TRUE(job);
    return job ? *job : DescribeTransformJobResponse{};
  }
  DescribeTransformJobResponse wait_end(const std::string& name) {
    for (int i = 0; i < 20; ++i) {
      DescribeTransformJobResponse job = describe(name);  // waits by itself
      if (job.transform_end_time) return job;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << name << " does not end";
    return {};
  }
  DescribeTransformJobResponse run(const CreateTransformJobRequest& made) {
    Result<CreateTransformJobResponse> created = create(made);
    EXPECT_TRUE(created) << created.error().message;
    return wait_end(made.transform_job_name);
  }
  static void wait_until(const std::function<bool()>& done) {
    for (int i = 0; i < 2000 && !done(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(done());
  }
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

  fs::path directory_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  std::unique_ptr<store::Store> store_;
  FakeS3 s3_;
  FakeLogs logs_;
  FakeIam iam_;
  FakeModels models_;
  std::unique_ptr<compute::Compute> compute_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<TransformJobs> service_;
  std::optional<Registry> registry_;
};

TEST_F(TransformJobsTest, EveryFileGetsItsOutput) {
  s3_.objects = {{"b/in/a.csv", "1\n22\n"},
                 {"b/in/deep/b.csv", "333"},
                 {"b/in/c.csv", ""},
                 {"b/in/folder/", ""},
                 {"b/other", "x"}};
  const auto job = run(request("job"));
  EXPECT_EQ(job.transform_job_status, "Completed");
  EXPECT_EQ(job.transform_job_arn, "arn:aws:sagemaker:us-east-1:123456789012:transform-job/job");
  EXPECT_EQ(s3_.objects["b/out/a.csv.out"], "1\n2\n");
  EXPECT_EQ(s3_.objects["b/out/deep/b.csv.out"], "3\n");
  EXPECT_TRUE(s3_.objects.contains("b/out/c.csv.out"));
  EXPECT_EQ(s3_.objects["b/out/c.csv.out"], "");
  EXPECT_EQ(s3_.objects.size(), 8u);
  EXPECT_LE(job.creation_time, *job.transform_start_time);
  EXPECT_LE(*job.transform_start_time, *job.transform_end_time);
  // What was left out is described as its default.
  EXPECT_EQ(job.data_processing->input_filter, "$");
  EXPECT_EQ(job.data_processing->join_source, "None");
  EXPECT_EQ(job.transform_input->compression_type, "None");
  wait_until([&] { return rows() == 0 && models_.stops > 0; });
  const std::vector<std::string> log = data_log("job");
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(log.front(), HasSubstr(":[sagemaker logs]: MaxConcurrentTransforms="));
  EXPECT_THAT(log.front(), HasSubstr("MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"));
  EXPECT_THAT(log, Contains(HasSubstr("b/in/a.csv: 2 records done; file ")));
  EXPECT_EQ(service_->counters().records, 3u);
  EXPECT_EQ(service_->counters().files_done, 3u);
}

TEST_F(TransformJobsTest, FilesThatFailAreNamedAndOthersGoOn) {
  s3_.objects = {{"b/in/a.csv", "1\n"}, {"b/in/b.csv", "1\n2\nbad\n4\n5\n"}, {"b/in/c.csv", "1"}};
  models_.answer = [](const std::string& body) -> Result<std::string> {
    if (body.contains("bad")) return fail(model_error(415, "'bad' is not a number"));
    return FakeModels::lengths(body);
  };
  const auto job = run(request("job"));
  EXPECT_EQ(job.transform_job_status, "Failed");
  EXPECT_THAT(*job.failure_reason,
              StartsWith("ClientError: s3://b/in/b.csv, line 3: the model answered 415: 'bad' is "
                         "not a number. See the log stream job/i-"));
  EXPECT_TRUE(s3_.objects.contains("b/out/a.csv.out"));
  EXPECT_FALSE(s3_.objects.contains("b/out/b.csv.out"));
  EXPECT_TRUE(s3_.objects.contains("b/out/c.csv.out"));
  const std::vector<std::string> log = data_log("job");
  EXPECT_THAT(log, Contains(HasSubstr(":[sagemaker logs]: b/in/b.csv: ClientError")));
  EXPECT_THAT(log, Contains(HasSubstr("b/in/b.csv: line 3: the model answered 415")));
}

TEST_F(TransformJobsTest, ReasonsAreCutWhereTheySayLeast) {
  s3_.objects = {{"b/in/a.csv", "1\n"}};
  std::string text = "Traceback (most recent call last):\n";
  for (int i = 0; i < 300; ++i) text += "  File \"some/where.py\", line 1, in call\n";
  models_.answer = [&](const std::string&) -> Result<std::string> {
    return fail(model_error(400, text + "ValueError: the very end"));
  };
  std::string reason = *run(request("trace")).failure_reason;
  EXPECT_LE(reason.size(), 1024u);
  EXPECT_THAT(reason, StartsWith("ClientError: s3://b/in/a.csv, line 1: the model answered 400: "
                                 "Traceback (most recent call last):"));
  EXPECT_THAT(reason, HasSubstr("ValueError: the very end. See the log stream trace/i-"));

  // Bytes that are no text, and characters of three bytes each.
  text = "\xff\xfe binary";
  EXPECT_THAT(*run(request("binary")).failure_reason, HasSubstr("?? binary"));
  text.clear();
  for (int i = 0; i < 1000; ++i) text += "\xe2\x82\xac";
  reason = *run(request("euros")).failure_reason;
  EXPECT_LE(reason.size(), 1024u);
  EXPECT_THAT(reason, HasSubstr("\xe2\x82\xac..."));
}

TEST_F(TransformJobsTest, OutputsKeepTheOrderOfTheInput) {
  std::string input, expected;
  for (int i = 0; i < 500; ++i) {
    input += std::string(std::size_t(i % 37 + 1), 'x') + "\n";
    expected += std::to_string(i % 37 + 1) + "\n";
  }
  s3_.objects = {{"b/in/a.csv", input}};
  models_.answer = [&](const std::string& body) {
    std::this_thread::sleep_for(std::chrono::microseconds(body.size() * 97 % 3000));
    return FakeModels::lengths(body);
  };
  auto made = request("job");
  made.batch_strategy = "SingleRecord";
  made.max_concurrent_transforms = 5;
  EXPECT_EQ(run(made).transform_job_status, "Completed");
  EXPECT_EQ(s3_.objects["b/out/a.csv.out"], expected);
  EXPECT_EQ(models_.invocations, 500);
  EXPECT_LE(models_.under_way_most, 5);
  EXPECT_GE(models_.under_way_most, 3);
}

TEST_F(TransformJobsTest, ServerErrorsAreTriedAgain) {
  s3_.objects = {{"b/in/a.csv", "1\n"}};
  std::atomic<int> left = 2;
  models_.answer = [&](const std::string& body) -> Result<std::string> {
    if (left-- > 0) return fail(model_error(503, "busy"));
    return FakeModels::lengths(body);
  };
  EXPECT_EQ(run(request("job")).transform_job_status, "Completed");
  EXPECT_EQ(models_.invocations, 3);

  models_.answer = [&](const std::string&) -> Result<std::string> {
    return fail(model_error(500, "Traceback: boom"));
  };
  auto made = request("again");
  made.model_client_config.ensure().invocations_max_retries = 1;
  models_.invocations = 0;
  const auto job = run(made);
  EXPECT_THAT(*job.failure_reason,
              StartsWith("AlgorithmError: s3://b/in/a.csv, line 1: the model answered 500: "
                         "Traceback: boom"));
  EXPECT_EQ(models_.invocations, 2);
}

TEST_F(TransformJobsTest, ManifestsAndJoins) {
  s3_.objects = {{"b/data/x/1.csv", "id1,5,6\n"},
                 {"b/data/2.csv", "id2,77,8\r\n\r\nid3,9,9\r\n"},
                 {"b/data/3.csv", "not named"},
                 {"b/m.json", R"([{"prefix": "s3://b/data/"}, "x/1.csv", "2.csv"])"}};
  auto made = request("job");
  auto& source = *made.transform_input->data_source->s3_data_source;
  source.s3_data_type = "ManifestFile";
  source.s3_uri = "s3://b/m.json";
  auto& processing = made.data_processing.ensure();
  processing.input_filter = "$[1:]";
  processing.join_source = "Input";
  processing.output_filter = "$[0,-1]";
  EXPECT_EQ(run(made).transform_job_status, "Completed");
  EXPECT_EQ(s3_.objects["b/out/x/1.csv.out"], "id1,3\n");
  EXPECT_EQ(s3_.objects["b/out/2.csv.out"], "id2,4\nid3,3\n");
  EXPECT_FALSE(s3_.objects.contains("b/out/3.csv.out"));
  EXPECT_THAT(models_.bodies, Contains("77,8\n9,9"));

  s3_.objects["b/m.json"] = R"([{"prefix": "s3://b/data/"}, "gone.csv"])";
  made.transform_job_name = "gone";
  EXPECT_THAT(*run(made).failure_reason,
              StartsWith("ClientError: s3://b/data/gone.csv, it cannot be read: NoSuchKey"));
  s3_.objects["b/m.json"] = "{}";
  made.transform_job_name = "broken";
  EXPECT_THAT(*run(made).failure_reason, AllOf(HasSubstr("ClientError: The manifest s3://b/m.json"),
                                               HasSubstr("no JSON list")));
}

TEST_F(TransformJobsTest, StoppingEndsTheWork) {
  std::string input;
  for (int i = 0; i < 10'000; ++i) input += "line\n";
  s3_.objects = {{"b/in/a.csv", input}};
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
  EXPECT_FALSE(s3_.objects.contains("b/out/a.csv.out"));
  auto again = call<operations::StopTransformJob>({"job"});
  EXPECT_EQ(again.error().message,
            "The request was rejected because the transform job is in status Stopped.");
}

TEST_F(TransformJobsTest, StoppingEndsTheWaitForTheModel) {
  s3_.objects = {{"b/in/a.csv", "1"}};
  models_.starting = [&]() -> Result<Value> {
    while (models_.stops == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return fail("DeploymentFailed", "it was stopped");
  };
  ASSERT_TRUE(create(request("job")));
  ASSERT_TRUE(call<operations::StopTransformJob>({"job"}));
  const auto job = wait_end("job");
  EXPECT_EQ(job.transform_job_status, "Stopped");
  EXPECT_FALSE(job.failure_reason);
}

TEST_F(TransformJobsTest, AModelThatDoesNotStartFailsTheJob) {
  s3_.objects = {{"b/in/a.csv", "1"}};
  models_.starting = []() -> Result<Value> {
    return fail("DeploymentFailed", "ModuleNotFoundError: No module named 'x'");
  };
  const auto job = run(request("job"));
  EXPECT_EQ(job.transform_job_status, "Failed");
  EXPECT_EQ(*job.failure_reason, "AlgorithmError: ModuleNotFoundError: No module named 'x'");
}

TEST_F(TransformJobsTest, ARestartGoesOnWhereItWas) {
  for (int i = 0; i < 30; ++i)
    s3_.objects["b/in/" + std::to_string(100 + i)] = "file" + std::to_string(i) + "\n";
  std::atomic<bool> slow = true;
  models_.answer = [&](const std::string& body) {
    if (slow && models_.invocations > 10) std::this_thread::sleep_for(std::chrono::seconds(1));
    return FakeModels::lengths(body);
  };
  ASSERT_TRUE(create(request("job")));
  wait_until([&] { return models_.invocations > 10; });
  slow = false;
  shut_down();
  const std::size_t done = s3_.objects.size() - 30;
  EXPECT_GE(done, 5u);
  EXPECT_LT(done, 30u);
  const int before = models_.invocations;
  start();
  EXPECT_EQ(wait_end("job").transform_job_status, "Completed");
  EXPECT_EQ(s3_.objects.size(), 60u);
  EXPECT_EQ(models_.invocations - before, int(30 - done));
}

TEST_F(TransformJobsTest, TheRolesPoliciesHold) {
  s3_.objects = {{"b/in/a.csv", "1"}};
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

TEST_F(TransformJobsTest, RequestsThatCannotWorkAreRefused) {
  s3_.objects = {{"b/in/a.csv", "1"}};
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
  s3_.objects = {{"b/in/a.csv", "1"}};
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
}  // namespace tidemill::services::sagemaker
