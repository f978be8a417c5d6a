#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using namespace api::sagemaker;
using ::testing::AllOf;
using ::testing::HasSubstr;

CreateEndpointConfigInput plain() {
  CreateEndpointConfigInput request;
  request.endpoint_config_name = "c";
  ProductionVariant variant;
  variant.variant_name = "A";
  variant.model_name = "m";
  variant.instance_type = "ml.m5.large";
  request.production_variants = {variant};
  return request;
}

struct Case {
  const char* member;
  std::function<void(CreateEndpointConfigInput&, ProductionVariant&)> ask;
};

TEST(EndpointConfigRules, What_is_not_there_is_refused_by_name) {
  ASSERT_TRUE(check_endpoint_config(plain()));
  const Case cases[] = {
      {"VpcConfig", [](auto& r, auto&) { r.vpc_config.emplace(); }},
      {"MetricsConfig", [](auto& r, auto&) { r.metrics_config.emplace(); }},
      {"CrossRegionTrafficConfig", [](auto& r, auto&) { r.cross_region_traffic_config.emplace(); }},
      {"ExplainerConfig", [](auto& r, auto&) { r.explainer_config.emplace(); }},
      {"CoreDumpConfig", [](auto&, auto& v) { v.core_dump_config.emplace(); }},
      {"AcceleratorType", [](auto&, auto& v) { v.accelerator_type = "ml.eia2.medium"; }},
      {"CapacityReservationConfig",
       [](auto&, auto& v) { v.capacity_reservation_config.emplace(); }},
      {"InstancePools", [](auto&, auto& v) { v.instance_pools.emplace(1); }},
      {"AcceleratorPartitionLayouts",
       [](auto&, auto& v) { v.accelerator_partition_layouts.emplace(1); }},
      {"EnableSSMAccess", [](auto&, auto& v) { v.enable_ssm_access = true; }},
      {"ManagedInstanceScaling",
       [](auto&, auto& v) { v.managed_instance_scaling.emplace().status = "ENABLED"; }},
      {"PrefixAwareRoutingConfig",
       [](auto&, auto& v) {
         v.routing_config.emplace().routing_strategy = "RANDOM";
         v.routing_config->prefix_aware_routing_config.emplace();
       }},
  };
  for (const Case& each : cases) {
    CreateEndpointConfigInput request = plain();
    each.ask(request, request.production_variants[0]);
    Result<void> checked = check_endpoint_config(request);
    ASSERT_FALSE(checked) << each.member;
    EXPECT_EQ(checked.error().code, "ValidationException");
    EXPECT_THAT(checked.error().message,
                AllOf(HasSubstr(each.member), HasSubstr("not implemented by Tidemill")));
  }
}

// JSON has no such numbers, but Python's writes them.
TEST(EndpointConfigRules, Weights_are_numbers) {
  for (const double weight :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CreateEndpointConfigInput request = plain();
    request.production_variants[0].initial_variant_weight = weight;
    EXPECT_THAT(check_endpoint_config(request).error().message,
                HasSubstr("InitialVariantWeight must be a finite number"));
  }
}

TEST(EndpointConfigRules, Shadow_variants_are_held_to_the_same) {
  CreateEndpointConfigInput request = plain();
  ProductionVariant shadow = request.production_variants[0];
  shadow.variant_name = "B";
  request.shadow_production_variants = {shadow};
  ASSERT_TRUE(check_endpoint_config(request));
  request.shadow_production_variants->front().enable_ssm_access = true;
  EXPECT_FALSE(check_endpoint_config(request));
}

TEST(EndpointConfigRules, What_is_harmless_or_off_is_accepted) {
  CreateEndpointConfigInput request = plain();
  request.kms_key_id = "key";
  request.enable_network_isolation = false;
  ProductionVariant& variant = request.production_variants[0];
  variant.enable_ssm_access = false;
  variant.managed_instance_scaling.emplace().status = "DISABLED";
  variant.volume_size_in_gb = 30;
  variant.model_data_download_timeout_in_seconds = 600;
  variant.inference_ami_version = "al2-ami-sagemaker-inference-gpu-2";
  Result<void> checked = check_endpoint_config(request);
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST(EndpointConfigRules, Serverless_variants_have_no_instance_count) {
  CreateEndpointConfigInput request = plain();
  ProductionVariant& variant = request.production_variants[0];
  variant.instance_type.reset();
  variant.serverless_config.emplace() = {.memory_size_in_mb = 1024, .max_concurrency = 1};
  ASSERT_TRUE(check_endpoint_config(request));
  variant.initial_instance_count = 1;
  Result<void> checked = check_endpoint_config(request);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("InitialInstanceCount"));
}

api::sagemaker::AsyncInferenceConfig async_config(const std::string& output) {
  api::sagemaker::AsyncInferenceConfig out;
  out.output_config = api::sagemaker::AsyncInferenceOutputConfig{};
  out.output_config->s3_output_path = output;
  return out;
}

TEST(EndpointConfigRules, An_asynchronous_endpoint_says_where_answers_go) {
  EXPECT_TRUE(check_async_config(async_config("s3://b/out")));
  EXPECT_FALSE(check_async_config(async_config("")));
  EXPECT_FALSE(check_async_config(async_config("file:///tmp/out")));
  auto with_failure = async_config("s3://b/out");
  with_failure.output_config->s3_failure_path = "nowhere";
  EXPECT_FALSE(check_async_config(with_failure));
  with_failure.output_config->s3_failure_path = "";
  EXPECT_TRUE(check_async_config(with_failure));
}

TEST(EndpointConfigRules, Asynchronous_inference_has_neither_KMS_keys_nor_SNS_topics) {
  auto encrypted = async_config("s3://b/out");
  encrypted.output_config->kms_key_id = "alias/mine";
  EXPECT_FALSE(check_async_config(encrypted));
  auto noisy = async_config("s3://b/out");
  noisy.output_config->notification_config = api::sagemaker::AsyncInferenceNotificationConfig{};
  EXPECT_TRUE(check_async_config(noisy));
  noisy.output_config->notification_config->error_topic = "arn:aws:sns:eu-west-1:123456789012:t";
  auto refused = check_async_config(noisy);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("SNS"), std::string::npos);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
