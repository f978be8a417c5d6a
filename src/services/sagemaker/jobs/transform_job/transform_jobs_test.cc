// Files in, files out: order, failures, manifests and joins.
#include <gmock/gmock.h>

#include <condition_variable>

#include "services/sagemaker/jobs/transform_job/test_transform_jobs.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace api::sagemaker;

TEST_F(TransformJobsTest, EveryFileGetsItsOutput) {
  s3_.replace({{"b/in/a.csv", "1\n22\n"},
               {"b/in/deep/b.csv", "333"},
               {"b/in/c.csv", ""},
               {"b/in/folder/", ""},
               {"b/other", "x"}});
  const auto job = run(request("job"));
  EXPECT_EQ(job.transform_job_status, "Completed");
  EXPECT_EQ(job.transform_job_arn, "arn:aws:sagemaker:us-east-1:123456789012:transform-job/job");
  EXPECT_EQ(s3_.object("b/out/a.csv.out"), "1\n2\n");
  EXPECT_EQ(s3_.object("b/out/deep/b.csv.out"), "3\n");
  EXPECT_TRUE(s3_.has("b/out/c.csv.out"));
  EXPECT_EQ(s3_.object("b/out/c.csv.out"), "");
  EXPECT_EQ(s3_.objects().size(), 8u);
  EXPECT_LE(job.creation_time, *job.transform_start_time);
  EXPECT_LE(*job.transform_start_time, *job.transform_end_time);
  // Members that were left out are described with their defaults.
  EXPECT_EQ(job.data_processing->input_filter, "$");
  EXPECT_EQ(job.data_processing->join_source, "None");
  EXPECT_EQ(job.transform_input->compression_type, "None");
  EXPECT_GE(models_.stops, 1) << "a job that is over has all log lines of its models";
  wait_until([&] { return rows() == 0; });
  const std::string key = transform_job_key("123456789012", "us-east-1", "job");
  wait_until([&] { return transform_jobs().get(*store_, key).value()->record.model.is_null(); });
  const std::vector<std::string> log = data_log("job");
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(log.front(), HasSubstr(":[sagemaker logs]: MaxConcurrentTransforms="));
  EXPECT_THAT(log.front(), HasSubstr("MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"));
  EXPECT_THAT(log, Contains(HasSubstr("b/in/a.csv: 2 records done; file ")));
  EXPECT_EQ(service_->counters().records, 3u);
  EXPECT_EQ(service_->counters().files_done, 3u);
}

TEST_F(TransformJobsTest, FilesThatFailAreNamedAndOthersGoOn) {
  s3_.replace({{"b/in/a.csv", "1\n"}, {"b/in/b.csv", "1\n2\nbad\n4\n5\n"}, {"b/in/c.csv", "1"}});
  models_.answer = [](const std::string& body) -> Result<std::string> {
    if (body.contains("bad")) return fail(model_error(415, "'bad' is not a number"));
    return FakeModels::lengths(body);
  };
  const auto job = run(request("job"));
  EXPECT_EQ(job.transform_job_status, "Failed");
  EXPECT_THAT(*job.failure_reason,
              StartsWith("ClientError: s3://b/in/b.csv, line 3: the model answered 415: 'bad' is "
                         "not a number. See the log stream job/i-"));
  EXPECT_TRUE(s3_.has("b/out/a.csv.out"));
  EXPECT_FALSE(s3_.has("b/out/b.csv.out"));
  EXPECT_TRUE(s3_.has("b/out/c.csv.out"));
  const std::vector<std::string> log = data_log("job");
  EXPECT_THAT(log, Contains(HasSubstr(":[sagemaker logs]: b/in/b.csv: ClientError")));
  EXPECT_THAT(log, Contains(HasSubstr("b/in/b.csv: line 3: the model answered 415")));
}

TEST_F(TransformJobsTest, ReasonsAreCutWhereTheySayLeast) {
  s3_.replace({{"b/in/a.csv", "1\n"}});
  std::string text = "Traceback (most recent call last):\n";
  for (int i = 0; i < 300; ++i) text += "  File \"some/where.py\", line 1, in call\n";
  models_.answer = [&](const std::string&) -> Result<std::string> {
    return fail(model_error(400, text + "ValueError: the very end"));
  };
  std::string reason = *run(request("trace")).failure_reason;
  EXPECT_LE(reason.size(), 1024u);
  EXPECT_THAT(reason, StartsWith("ClientError: s3://b/in/a.csv, line 1: the model answered 400: "
                                 "ValueError: the very end\nTraceback (most recent call last):"));
  EXPECT_THAT(reason, HasSubstr(" See the log stream trace/i-"));

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
  s3_.replace({{"b/in/a.csv", input}});
  models_.answer = [&](const std::string& body) {
    std::this_thread::sleep_for(std::chrono::microseconds(body.size() * 97 % 3000));
    return FakeModels::lengths(body);
  };
  auto made = request("job");
  made.batch_strategy = "SingleRecord";
  made.max_concurrent_transforms = 5;
  EXPECT_EQ(run(made).transform_job_status, "Completed");
  EXPECT_EQ(s3_.object("b/out/a.csv.out"), expected);
  EXPECT_EQ(models_.invocations, 500);
  EXPECT_LE(models_.under_way_most, 5);
  EXPECT_GE(models_.under_way_most, 3);
}

TEST_F(TransformJobsTest, ServerErrorsAreTriedAgain) {
  s3_.replace({{"b/in/a.csv", "1\n"}});
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
  s3_.replace({{"b/data/x/1.csv", "id1,5,6\n"},
               {"b/data/2.csv", "id2,77,8\r\n\r\nid3,9,9\r\n"},
               {"b/data/3.csv", "not named"},
               {"b/m.json", R"([{"prefix": "s3://b/data/"}, "x/1.csv", "2.csv"])"}});
  auto made = request("job");
  auto& source = *made.transform_input->data_source->s3_data_source;
  source.s3_data_type = "ManifestFile";
  source.s3_uri = "s3://b/m.json";
  auto& processing = made.data_processing.ensure();
  processing.input_filter = "$[1:]";
  processing.join_source = "Input";
  processing.output_filter = "$[0,-1]";
  EXPECT_EQ(run(made).transform_job_status, "Completed");
  EXPECT_EQ(s3_.object("b/out/x/1.csv.out"), "id1,3\n");
  EXPECT_EQ(s3_.object("b/out/2.csv.out"), "id2,4\nid3,3\n");
  EXPECT_FALSE(s3_.has("b/out/3.csv.out"));
  EXPECT_THAT(models_.bodies, Contains("77,8\n9,9"));

  s3_.put("b/m.json", R"([{"prefix": "s3://b/data/"}, "gone.csv"])");
  made.transform_job_name = "gone";
  EXPECT_THAT(*run(made).failure_reason,
              StartsWith("ClientError: s3://b/data/gone.csv, it cannot be read: NoSuchKey"));
  s3_.put("b/m.json", "{}");
  made.transform_job_name = "broken";
  EXPECT_THAT(*run(made).failure_reason, AllOf(HasSubstr("ClientError: The manifest s3://b/m.json"),
                                               HasSubstr("no JSON list")));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
