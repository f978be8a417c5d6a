#include "services/sagemaker/jobs/transform_job/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::HasSubstr;

api::sagemaker::CreateTransformJobRequest good() {
  api::sagemaker::CreateTransformJobRequest request;
  request.transform_job_name = "j";
  request.model_name = "m";
  auto& source = request.transform_input.ensure().data_source.ensure().s3_data_source.ensure();
  source.s3_data_type = "S3Prefix";
  source.s3_uri = "s3://b/in/";
  request.transform_output.ensure().s3_output_path = "s3://b/out";
  request.transform_resources.ensure().instance_type = "ml.m5.large";
  request.transform_resources->instance_count = 1;
  return request;
}

std::string problem(const api::sagemaker::CreateTransformJobRequest& request) {
  Result<void> checked = check_transform_request(request);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, "ValidationException");
  return checked.error().message;
}

TEST(TransformRules, AcceptsWhatIsComplete) { EXPECT_EQ(problem(good()), ""); }

TEST(TransformRules, PayloadsAreBounded) {
  auto request = good();
  request.max_payload_in_mb = 101;
  EXPECT_THAT(problem(request), HasSubstr("MaxPayloadInMB 101"));
  request.max_payload_in_mb = 50;
  request.max_concurrent_transforms = 2;
  EXPECT_EQ(problem(request), "");
  request.max_concurrent_transforms = 3;
  EXPECT_THAT(problem(request), HasSubstr("150 MB and cannot exceed 100 MB"));
  // The default of 6 MB counts.
  request.max_payload_in_mb.reset();
  request.max_concurrent_transforms = 16;
  EXPECT_EQ(problem(request), "");
  request.max_concurrent_transforms = 17;
  EXPECT_THAT(problem(request), HasSubstr("102 MB"));
}

TEST(TransformRules, RefusesWhatCannotBeDone) {
  auto request = good();
  request.batch_strategy = "SingleRecord";
  EXPECT_THAT(problem(request), HasSubstr("needs a SplitType"));
  request.transform_input->split_type = "Line";
  EXPECT_EQ(problem(request), "");
  request.data_capture_config.ensure().destination_s3_uri = "s3://b/c";
  EXPECT_THAT(problem(request), HasSubstr("DataCaptureConfig"));
  request = good();
  request.transform_resources->instance_type = "ml.m5.huge";
  EXPECT_THAT(problem(request), HasSubstr("ml.m5.huge"));
  request = good();
  request.transform_input->data_source->s3_data_source->s3_uri = "b/in";
  EXPECT_THAT(problem(request), HasSubstr("b/in"));
  request = good();
  request.transform_input->data_source->s3_data_source->s3_data_type = "AugmentedManifestFile";
  EXPECT_THAT(problem(request), HasSubstr("AugmentedManifestFile"));
  request = good();
  request.data_processing.ensure().join_source = "Input";
  EXPECT_THAT(problem(request), HasSubstr("need the ContentType"));
  request.transform_input->content_type = "text/csv";
  EXPECT_EQ(problem(request), "");
}

TEST(TransformRules, DefaultsAreFilledIn) {
  auto request = good();
  TransformPlan plan = transform_plan(request);
  EXPECT_EQ(plan.batches.payload_bytes_max, 6u << 20);
  EXPECT_FALSE(plan.batches.single_record);
  EXPECT_EQ(plan.timeout, std::chrono::seconds(600));
  EXPECT_EQ(plan.retries, 3);
  EXPECT_GE(plan.concurrency, 1u);
  EXPECT_LE(plan.concurrency, 2u);  // ml.m5.large has two

  request.max_concurrent_transforms = 4;
  request.transform_resources->instance_count = 3;
  request.max_payload_in_mb = 0;
  request.model_client_config.ensure().invocations_max_retries = 0;
  request.model_client_config->invocations_timeout_in_seconds = 5;
  request.transform_input->compression_type = "Gzip";
  request.transform_input->split_type = "TFRecord";
  plan = transform_plan(request);
  EXPECT_EQ(plan.concurrency, 12u);
  EXPECT_EQ(plan.batches.payload_bytes_max, 100u << 20);
  EXPECT_EQ(plan.batches.split, SplitType::tf_record);
  EXPECT_EQ(plan.retries, 0);
  EXPECT_EQ(plan.timeout, std::chrono::seconds(5));
  EXPECT_TRUE(plan.gzip);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
