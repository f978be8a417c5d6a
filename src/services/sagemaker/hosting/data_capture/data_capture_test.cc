#include "services/sagemaker/hosting/data_capture/data_capture.h"

#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::hosting {
namespace {

api::sagemaker::DataCaptureConfig config() {
  api::sagemaker::DataCaptureConfig out;
  out.initial_sampling_percentage = 40;
  out.destination_s3_uri = "s3://bucket/a/b";
  out.capture_options = {{"Input"}, {"Output"}};
  return out;
}

const CapturedVariant kOf{"123456789012", "eu-west-1", "churn", "A",
                          "arn:aws:iam::123456789012:role/model"};

TEST(DataCapture, settings_say_what_and_where) {
  auto made = capture_settings(config(), kOf);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->account, "123456789012");
  EXPECT_EQ(made->region, "eu-west-1");
  EXPECT_EQ(made->endpoint, "churn");
  EXPECT_EQ(made->variant, "A");
  EXPECT_EQ(made->role_arn, "arn:aws:iam::123456789012:role/model");
  EXPECT_EQ(made->bucket, "bucket");
  EXPECT_EQ(made->prefix, "a/b");
  EXPECT_EQ(made->sampling_percentage, 40);
  EXPECT_TRUE(made->input);
  EXPECT_TRUE(made->output);
  EXPECT_TRUE(made->csv_content_types.empty());
  EXPECT_TRUE(made->json_content_types.empty());
}

TEST(DataCapture, options_choose_the_sides) {
  auto given = config();
  given.capture_options = {{"Input"}};
  EXPECT_TRUE(capture_settings(given, kOf)->input);
  EXPECT_FALSE(capture_settings(given, kOf)->output);
  given.capture_options = {{"Output"}};
  EXPECT_FALSE(capture_settings(given, kOf)->input);
  EXPECT_TRUE(capture_settings(given, kOf)->output);
  given.capture_options = {{"InputAndOutput"}};
  EXPECT_TRUE(capture_settings(given, kOf)->input);
  EXPECT_TRUE(capture_settings(given, kOf)->output);
}

TEST(DataCapture, content_types_are_taken_over) {
  auto given = config();
  given.capture_content_type_header = api::sagemaker::CaptureContentTypeHeader{};
  given.capture_content_type_header->csv_content_types = {{"text/csv", "text/x-csv"}};
  given.capture_content_type_header->json_content_types = {{"application/json"}};
  auto made = capture_settings(given, kOf);
  EXPECT_EQ(made->csv_content_types, (std::vector<std::string>{"text/csv", "text/x-csv"}));
  EXPECT_EQ(made->json_content_types, std::vector<std::string>{"application/json"});
}

TEST(DataCapture, is_on_unless_turned_off) {
  auto given = config();
  given.enable_capture = true;
  EXPECT_TRUE(capture_settings(given, kOf));
  given.enable_capture = false;
  EXPECT_FALSE(capture_settings(given, kOf));
  given.enable_capture.reset();
  given.initial_sampling_percentage = 0;
  EXPECT_FALSE(capture_settings(given, kOf));
}

TEST(DataCapture, refuses_what_it_could_not_keep) {
  EXPECT_TRUE(check_data_capture(config()));
  auto given = config();
  given.kms_key_id = "";
  EXPECT_TRUE(check_data_capture(given));
  given.kms_key_id = "alias/mine";
  auto refused = check_data_capture(given);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ValidationException");
  EXPECT_NE(refused.error().message.find("KMS"), std::string::npos);
  given = config();
  given.destination_s3_uri = "nowhere";
  EXPECT_FALSE(check_data_capture(given));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
