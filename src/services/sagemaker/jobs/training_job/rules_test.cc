#include "services/sagemaker/jobs/training_job/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace tidemill::services::sagemaker::jobs {
namespace {

using Request = api::sagemaker::CreateTrainingJobRequest;

Request valid_request() {
  Request request;
  request.training_job_name = "job";
  request.role_arn = "arn:aws:iam::123456789012:role/r";
  auto& algorithm = request.algorithm_specification.ensure();
  algorithm.training_image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
  algorithm.training_input_mode = "File";
  request.output_data_config.ensure().s3_output_path = "s3://b/out";
  auto& resources = request.resource_config.ensure();
  resources.instance_type = "ml.m5.large";
  resources.instance_count = 1;
  request.stopping_condition.ensure().max_runtime_in_seconds = 60;
  api::sagemaker::Channel channel;
  channel.channel_name = "train";
  auto& source = channel.data_source.ensure().s3_data_source.ensure();
  source.s3_data_type = "S3Prefix";
  source.s3_uri = "s3://b/train/";
  request.input_data_config = std::vector{channel};
  return request;
}

TEST(TrainingRules, ValidRequestPasses) {
  Result<void> checked = check_training_request(valid_request(), {});
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST(TrainingRules, EachRuleNamesWhatIsWrong) {
  struct Case {
    std::function<void(Request&)> damage;
    const char* message;
  };
  const Case cases[] = {
      {[](Request& r) { r.algorithm_specification->training_image = "mine:1"; }, "mine:1"},
      {[](Request& r) { r.algorithm_specification.reset(); }, "TrainingImage"},
      {[](Request& r) { r.algorithm_specification->training_input_mode = "Pipe"; }, "Pipe"},
      {[](Request& r) {
         r.algorithm_specification->metric_definitions =
             std::vector<api::sagemaker::MetricDefinition>{{"m", "("}};
       },
       "'m'"},
      {[](Request& r) { r.resource_config->instance_type = "ml.m5.huge"; }, "ml.m5.large"},
      {[](Request& r) { r.resource_config->instance_count = 2; }, "InstanceCount"},
      {[](Request& r) { r.vpc_config.emplace(); }, "VpcConfig"},
      {[](Request& r) { r.enable_managed_spot_training = true; }, "MaxWaitTimeInSeconds"},
      {[](Request& r) { r.stopping_condition->max_wait_time_in_seconds = 60; },
       "EnableManagedSpotTraining"},
      {[](Request& r) {
         r.enable_managed_spot_training = true;
         r.stopping_condition->max_wait_time_in_seconds = 59;
       },
       "greater than or equal"},
      {[](Request& r) { r.output_data_config->s3_output_path = "/tmp/x"; }, "/tmp/x"},
      {[](Request& r) { r.role_arn = "arn:aws:iam::123456789012:user/u"; }, "RoleArn"},
      {[](Request& r) { r.input_data_config->push_back(r.input_data_config->front()); }, "twice"},
      {[](Request& r) {
         r.input_data_config->front().data_source->s3_data_source->s3_data_type =
             "AugmentedManifestFile";
       },
       "AugmentedManifestFile"},
      {[](Request& r) { r.checkpoint_config.ensure().s3_uri = "nowhere"; }, "nowhere"},
      {[](Request& r) {
         r.checkpoint_config.ensure().s3_uri = "s3://b/c";
         r.checkpoint_config->local_path = "/etc";
       },
       "/opt/ml/checkpoints"},
  };
  for (const Case& c : cases) {
    Request request = valid_request();
    c.damage(request);
    Result<void> checked = check_training_request(request, {});
    ASSERT_FALSE(checked) << c.message;
    EXPECT_EQ(checked.error().code, "ValidationException");
    EXPECT_THAT(checked.error().message, ::testing::HasSubstr(c.message));
  }
}

TEST(TrainingRules, SpotWithEnoughWaitPasses) {
  Request request = valid_request();
  request.enable_managed_spot_training = true;
  request.stopping_condition->max_wait_time_in_seconds = 60;
  EXPECT_TRUE(check_training_request(request, {}));
}

TEST(TrainingRules, AnUnknownImageWithAProgramOfThisMachine) {
  Request request = valid_request();
  request.algorithm_specification->training_image = "mine:1";
  request.algorithm_specification->container_entrypoint = std::vector<std::string>{"/bin/sh"};
  EXPECT_TRUE(check_training_request(request, {}));
  request.algorithm_specification->container_entrypoint = std::vector<std::string>{"/no/such"};
  EXPECT_FALSE(check_training_request(request, {}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
