#include "services/cloudtrail/event/event_text.h"

#include <gtest/gtest.h>

#include "api/all_services.h"
#include "base/json.h"
#include "services/cloudtrail/event/operation_kind.h"
#include "services/cloudtrail/trail/trail.h"

namespace tidemill::services::cloudtrail {
namespace {

const schema::Service& service(std::string_view name) {
  for (const schema::Service* each : tidemill::api::all_services())
    if (each->name == name) return *each;
  std::abort();
}
OperationKind kind(std::string_view of, std::string_view name) {
  return kind_of(service(of), *schema::find_operation(service(of), name));
}
std::string members(std::string_view of, std::string_view name, const char* json) {
  const schema::Operation& operation = *schema::find_operation(service(of), name);
  return write_json(event_members(service(of), operation.input, *parse_json(json)));
}

TEST(OperationKind, Reads_writes_and_data) {
  EXPECT_TRUE(kind("sagemaker", "DescribeModel").read_only);
  EXPECT_FALSE(kind("sagemaker", "CreateModel").read_only);
  EXPECT_FALSE(kind("sagemaker", "StopTrainingJob").read_only);
  EXPECT_TRUE(kind("sts", "AssumeRole").gives_credentials);
  EXPECT_FALSE(kind("sts", "GetCallerIdentity").gives_credentials);
  EXPECT_EQ(kind("s3", "PutObject").data_type, "AWS::S3::Object");
  EXPECT_EQ(kind("s3", "ListObjectsV2").data_type, "AWS::S3::Object");
  EXPECT_EQ(kind("s3", "CreateBucket").data_type, "");
  EXPECT_EQ(kind("s3", "PutBucketPolicy").data_type, "");
  EXPECT_EQ(kind("sagemaker-runtime", "InvokeEndpoint").data_type, "AWS::SageMaker::Endpoint");
}

TEST(EventText, Members_have_CloudTrails_names_and_no_secrets) {
  EXPECT_EQ(members("s3", "PutObject", R"({"Bucket":"b","Key":"k","SSECustomerKey":"secret"})"),
            R"({"bucketName":"b","key":"k","sSECustomerKey":"HIDDEN_DUE_TO_SECURITY_REASONS"})");
  EXPECT_EQ(members("sagemaker", "CreateModel",
                    R"({"ModelName":"m","PrimaryContainer":{"Environment":{"ModelKey":"v"}}})"),
            R"({"modelName":"m","primaryContainer":{"environment":{"ModelKey":"v"}}})");
  EXPECT_EQ(members("sagemaker", "CreateModel", "{}"), "null");
}

TEST(EventText, Large_parameters_are_left_out) {
  ValueObject input;
  input.append("ModelName", std::string(kParametersBytesMax, 'x'));
  const schema::Operation& create = *schema::find_operation(service("sagemaker"), "CreateModel");
  EXPECT_TRUE(write_json(event_members(service("sagemaker"), create.input, input))
                  .starts_with(R"({"omitted":true)"));
}

TEST(EventText, What_strangers_write_is_bounded) {
  const schema::Service& sts = service("sts");
  platform::Call call{sts, *schema::find_operation(sts, "GetCallerIdentity")};
  std::string agent = "u";
  for (int i = 0; i < 30'000; ++i) agent += "é";
  call.context.find_header = [&agent](std::string_view name) -> const std::string* {
    return name == "user-agent" ? &agent : nullptr;
  };
  call.context.remote_address = "127.0.0.1:52344";
  const Result<Value> refused = fail("AccessDenied", std::string(5'000, 'm'), 403);
  const Value parameters;
  const std::vector<std::string> resources;
  const std::unique_ptr<Random> random = make_seeded_random(7);
  const Value event = make_event({.call = call,
                                  .home_region = "us-east-1",
                                  .result = refused,
                                  .parameters = parameters,
                                  .resources = resources,
                                  .recipient = "123456789012"},
                                 *random);
  // A character of two bytes is not cut in two.
  EXPECT_EQ(*event.find("userAgent")->as_string(), agent.substr(0, kUserAgentBytesMax - 1));
  EXPECT_EQ(event.find("errorMessage")->as_string()->size(), kErrorMessageBytesMax);
  EXPECT_EQ(*event.find("recipientAccountId")->as_string(), "123456789012");

  ValueObject members;
  members.append("policy", std::string(kStrangersParametersBytesMax, 'x'));
  EXPECT_TRUE(write_json(members_within(kStrangersParametersBytesMax, std::move(members)))
                  .starts_with(R"({"omitted":true)"));
}

TEST(EventText, Types_and_names_of_resources) {
  const std::string job = "arn:aws:sagemaker:us-east-1:1:training-job/j";
  EXPECT_EQ(resource_type(job), "AWS::SageMaker::TrainingJob");
  EXPECT_EQ(resource_name(job), "j");
  EXPECT_EQ(resource_type("arn:aws:s3:::b"), "AWS::S3::Bucket");
  EXPECT_EQ(resource_type("arn:aws:s3:::b/k"), "AWS::S3::Object");
  EXPECT_EQ(resource_type("arn:aws:iam::1:role/path/r"), "AWS::IAM::Role");
  EXPECT_EQ(resource_name("arn:aws:iam::1:role/path/r"), "r");
  EXPECT_EQ(resource_name("arn:aws:logs:us-east-1:1:log-group:/a/b:*"), "/a/b");
  EXPECT_EQ(resource_type("not an arn"), "");
  EXPECT_EQ(user_name("arn:aws:sts::1:assumed-role/r/session"), "session");
  EXPECT_EQ(user_name("arn:aws:iam::1:root"), "root");
}

TEST(Selectors, Which_events_a_trail_takes) {
  TrailRecord trail;
  const std::vector<std::string> arns{"arn:aws:s3:::b/data/x"};
  const EventSubject change{true, false, "s3.amazonaws.com", "CreateBucket", {}, arns, {}};
  const EventSubject put{false, false, "s3.amazonaws.com", "PutObject", "AWS::S3::Object",
                         arns,  {}};
  EXPECT_TRUE(selects(trail, change));
  EXPECT_FALSE(selects(trail, put));
  EXPECT_FALSE(may_select(trail, false, false));

  tidemill::api::cloudtrail::EventSelector basic;
  basic.read_write_type = "WriteOnly";
  basic.data_resources = {{"AWS::S3::Object", std::vector<std::string>{"arn:aws:s3:::b/data/"}}};
  trail.selectors = {basic};
  EXPECT_TRUE(selects(trail, put));
  EXPECT_TRUE(may_select(trail, false, false));
  EXPECT_FALSE(may_select(trail, false, true));
  const std::vector<std::string> elsewhere{"arn:aws:s3:::b/other"};
  EXPECT_FALSE(selects(
      trail, {false, false, "s3.amazonaws.com", "PutObject", "AWS::S3::Object", elsewhere, {}}));

  trail.selectors.clear();
  tidemill::api::cloudtrail::AdvancedEventSelector advanced;
  tidemill::api::cloudtrail::AdvancedFieldSelector category{"eventCategory"};
  category.equals = {"Data"};
  tidemill::api::cloudtrail::AdvancedFieldSelector type{"resources.type"};
  type.equals = {"AWS::S3::Object"};
  tidemill::api::cloudtrail::AdvancedFieldSelector arn{"resources.ARN"};
  arn.not_starts_with = {"arn:aws:s3:::b/data/"};
  advanced.field_selectors = {category, type, arn};
  trail.advanced_selectors = {advanced};
  EXPECT_FALSE(selects(trail, put));
  EXPECT_FALSE(selects(trail, change));
  EXPECT_TRUE(selects(
      trail, {false, true, "s3.amazonaws.com", "GetObject", "AWS::S3::Object", elsewhere, {}}));
  EXPECT_TRUE(may_select(trail, false, true));
  EXPECT_FALSE(may_select(trail, true, true));
}

}  // namespace
}  // namespace tidemill::services::cloudtrail
