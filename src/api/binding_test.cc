#include "api/binding.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "api/s3/object.h"
#include "api/sagemaker/training_job.h"
#include "base/describe.h"
#include "base/json.h"

namespace tidemill::api {
namespace {

namespace sm = sagemaker;

sm::CreateTrainingJobRequest example() {
  sm::CreateTrainingJobRequest request;
  request.training_job_name = "churn-1";
  request.role_arn = "arn:aws:iam::123456789012:role/r";
  request.hyper_parameters = {{"max_depth", "5"}, {"eta", "0.2"}};
  request.algorithm_specification.emplace().training_input_mode = "File";
  request.algorithm_specification->training_image = "xgboost:1.7";
  request.output_data_config.emplace().s3_output_path = "s3://bucket/out";
  request.resource_config.emplace().volume_size_in_gb = 10;
  sm::Channel channel;
  channel.channel_name = "train";
  channel.data_source.emplace().s3_data_source.emplace().s3_uri = "s3://bucket/train";
  request.input_data_config = std::vector{channel, channel};
  return request;
}

TEST(Binding, a_nested_structure_survives_the_way_to_json_and_back) {
  Value value = to_value(example());
  std::string text = write_json(value);
  auto parsed = parse_json(text);
  ASSERT_TRUE(parsed);
  sm::CreateTrainingJobRequest back;
  ASSERT_TRUE(from_value(*parsed, back));
  EXPECT_EQ(write_json(to_value(back)), text);
  EXPECT_EQ((*back.input_data_config)[1].data_source->s3_data_source->s3_uri, "s3://bucket/train");
  EXPECT_EQ(back.hyper_parameters->at("eta"), "0.2");
}

// From codegen/structs.py: large structs have out-of-line special members, small ones are
// aggregates.
static_assert(std::is_aggregate_v<sm::Tag>);
static_assert(!std::is_aggregate_v<sm::CreateTrainingJobRequest>);
static_assert(std::is_nothrow_move_constructible_v<sm::CreateTrainingJobRequest>);
static_assert(std::is_nothrow_move_assignable_v<sm::CreateTrainingJobRequest>);

TEST(Binding, large_structs_copy_and_move_every_member) {
  const sm::CreateTrainingJobRequest from = example();
  const std::string text = write_json(to_value(from));
  sm::CreateTrainingJobRequest copied = from;
  sm::CreateTrainingJobRequest assigned;
  assigned.role_arn = "overwritten";
  assigned = copied;
  assigned = *&assigned;
  EXPECT_EQ(write_json(to_value(assigned)), text);
  sm::CreateTrainingJobRequest moved = std::move(assigned);
  copied.role_arn = "overwritten";
  copied = std::move(moved);
  EXPECT_EQ(write_json(to_value(copied)), text);
}

TEST(Binding, elements_of_lists_and_maps_are_named_in_errors) {
  auto wrong = [](const char* text) {
    sm::CreateTrainingJobRequest out;
    auto result = from_value(*parse_json(text), out);
    return result ? std::string() : result.error().message;
  };
  EXPECT_EQ(wrong(R"({"InputDataConfig":[{"ChannelName":"a"},{"ChannelName":7}]})"),
            "InputDataConfig.2.ChannelName is not a string");
  EXPECT_EQ(wrong(R"({"HyperParameters":{"eta":0.2}})"), "HyperParameters.eta is not a string");
  EXPECT_EQ(wrong(R"({"HyperParameters":[]})"), "HyperParameters is not an object");
  EXPECT_EQ(wrong(R"({"InputDataConfig":{}})"), "InputDataConfig is not a list");
}

TEST(Binding, values_carry_the_models_names_and_leave_unset_members_out) {
  Value value = to_value(example());
  ASSERT_TRUE(value.find("TrainingJobName"));
  EXPECT_EQ(*value.find("TrainingJobName")->as_string(), "churn-1");
  EXPECT_FALSE(value.find("VpcConfig"));
  EXPECT_FALSE(value.find("Environment"));
}

TEST(Binding, timestamps_are_values_of_their_own_and_read_from_seconds) {
  sm::DescribeTrainingJobResponse response;
  response.creation_time = {1'700'000'000'250'000};
  const Value value = to_value(response);
  ASSERT_TRUE(value.find("CreationTime"));
  EXPECT_EQ(*value.find("CreationTime")->get_if<Timestamp>(), response.creation_time);

  auto parsed = parse_json(R"({"CreationTime":1700000000.25,"LastModifiedTime":1700000001})");
  sm::DescribeTrainingJobResponse back;
  ASSERT_TRUE(from_value(*parsed, back));
  EXPECT_EQ(back.creation_time.microseconds, 1'700'000'000'250'000);
  EXPECT_EQ(back.last_modified_time->microseconds, 1'700'000'001'000'000);
}

TEST(Binding, an_error_names_the_path_of_the_member) {
  auto parsed =
      parse_json(R"({"InputDataConfig":[{},{"DataSource":{"S3DataSource":{"S3Uri":7}}}]})");
  sm::CreateTrainingJobRequest request;
  Result<void> result = from_value(*parsed, request);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "InputDataConfig.2.DataSource.S3DataSource.S3Uri is not a string");
  for (const char* text : {R"({"CreationTime":1e300})", R"({"CreationTime":"now"})", R"([])",
                           R"({"BillableTimeInSeconds":1.5})"}) {
    sm::DescribeTrainingJobResponse response;
    EXPECT_FALSE(from_value(*parse_json(text), response)) << text;
  }
}

TEST(Binding, unknown_and_null_members_are_ignored) {
  auto parsed = parse_json(R"({"Later":1,"RoleArn":null,"TrainingJobName":"x"})");
  sm::CreateTrainingJobRequest request;
  ASSERT_TRUE(from_value(*parsed, request));
  EXPECT_EQ(request.training_job_name, "x");
}

TEST(Binding, streaming_members_are_no_part_of_a_struct) {
  auto parsed = parse_json(R"({"Bucket":"b","Key":"k","Body":"bytes"})");
  s3::PutObjectRequest request;
  ASSERT_TRUE(from_value(*parsed, request));
  EXPECT_FALSE(to_value(request).find("Body"));
}

TEST(Binding, a_box_copies_deeply) {
  Box<sm::VpcConfig> box;
  EXPECT_FALSE(box);
  box.ensure().subnets = {"a"};
  Box<sm::VpcConfig> copy = box;
  copy->subnets.push_back("b");
  EXPECT_EQ(box->subnets.size(), 1u);
  box = copy;
  EXPECT_EQ(box->subnets.size(), 2u);
  Box<sm::VpcConfig> moved = std::move(copy);
  EXPECT_EQ(moved->subnets.size(), 2u);
}

// A stored record that holds what the client sent.
struct Record {
  std::string name;
  sm::CreateTrainingJobRequest request;
  std::vector<sm::Tag> tags;
  std::optional<sm::Channel> channel;
  Box<sm::VpcConfig> vpc_config;
};
BOOST_DESCRIBE_STRUCT(Record, (), (name, request, tags, channel, vpc_config))

TEST(Binding, structs_nest_in_described_records) {
  Record record;
  record.name = "r";
  record.request = example();
  record.tags = {{.key = "k", .value = "v"}};
  record.vpc_config.emplace().subnets = {"subnet-1"};
  auto back = from_json<Record>(to_json(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), to_json(record));
  EXPECT_EQ(back->tags[0].value, "v");
  EXPECT_EQ(back->request.training_job_name, "churn-1");
  EXPECT_FALSE(back->channel);
  EXPECT_EQ(back->vpc_config->subnets[0], "subnet-1");
}

}  // namespace
}  // namespace tidemill::api
