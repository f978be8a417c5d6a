#include "services/sagemaker/hosting/inference_component/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::hosting {
namespace {

using ::testing::HasSubstr;
namespace api = tidemill::api::sagemaker;

Variant host(std::int64_t instances, const char* type = "ml.m5.large") {
  Variant out;
  out.name = "AllTraffic";
  out.instance_type = type;
  out.instance_count = instances;
  return out;
}

Claim claim(const char* name, std::int64_t copies, double memory_mib, double cpus = 0) {
  return {name, copies, memory_mib, cpus};
}

// An ml.m5.large has 2 vCPUs and 8 GiB.
TEST(InferenceComponentRoom, Copies_fill_instances_up_to_their_size) {
  EXPECT_TRUE(check_room({claim("a", 2, 4096, 1)}, host(1)));
  EXPECT_FALSE(check_room({claim("a", 3, 4096, 0.5)}, host(1)));
  EXPECT_TRUE(check_room({claim("a", 3, 4096, 0.5)}, host(2)));
  EXPECT_FALSE(check_room({claim("a", 3, 128, 1)}, host(1)));
  EXPECT_TRUE(check_room({claim("a", 0, 1e9)}, host(1)));
}

TEST(InferenceComponentRoom, A_copy_lies_on_one_instance) {
  // 10 GiB are free in all, and no instance has 6 of them.
  EXPECT_FALSE(check_room({claim("a", 2, 5 * 1024), claim("b", 1, 6 * 1024)}, host(2)));
  // The larger ones are placed first, however they were made.
  EXPECT_TRUE(check_room({claim("a", 2, 2048), claim("b", 2, 6 * 1024)}, host(2)));
}

TEST(InferenceComponentRoom, What_is_short_is_said) {
  auto room = check_room({claim("big", 1, 9000, 1), claim("small", 2, 100)}, host(1));
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, "ValidationException");
  EXPECT_THAT(room.error().message, HasSubstr("There is not enough hardware resources"));
  EXPECT_THAT(room.error().message, HasSubstr("big asks for 1 x 9000 MB of memory, 1 CPU cores"));
  EXPECT_THAT(room.error().message, HasSubstr("other components take 200 MB of memory"));
  EXPECT_THAT(room.error().message, HasSubstr("1 x ml.m5.large with 8192 MB of memory, 2 CPU"));
}

TEST(InferenceComponentRoom, Accelerators_are_those_of_the_instance_type) {
  Claim gpu = claim("gpu", 1, 1024);
  gpu.accelerators = 1;
  EXPECT_FALSE(check_room({gpu}, host(1)));
  EXPECT_TRUE(check_room({gpu}, host(1, "ml.g5.xlarge")));
  gpu.copies = 2;
  EXPECT_FALSE(check_room({gpu}, host(1, "ml.g5.xlarge")));
}

ComponentSpecification of_model(std::int64_t memory_mib) {
  ComponentSpecification out;
  out.model_name = "model";
  api::InferenceComponentComputeResourceRequirements wanted;
  wanted.min_memory_required_in_mb = memory_mib;
  out.compute_resource_requirements = wanted;
  return out;
}

TEST(InferenceComponentClaim, While_it_is_updated_a_component_holds_the_more_of_both) {
  InferenceComponent component;
  component.name = "a";
  component.specification = of_model(1024);
  component.copies = 1;
  EXPECT_EQ(claim_of(component).copies, 0);  // it has failed: it holds nothing
  Fleet fleet;
  fleet.variants.resize(1);
  fleet.variants[0].resize(3);
  component.active = fleet;
  component.next_specification = of_model(512);
  EXPECT_EQ(claim_of(component).memory_mib, 1024);
  EXPECT_EQ(claim_of(component).copies, 3);
  component.next_specification = of_model(2048);
  EXPECT_EQ(claim_of(component).memory_mib, 2048);
}

TEST(InferenceComponentSpecification, What_is_missing_or_not_there_is_named) {
  auto message = [](const ComponentSpecification& what) {
    auto checked = check_specification(what);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(message(of_model(1024)), "");
  ComponentSpecification both = of_model(1024);
  both.container = api::InferenceComponentContainerSpecification{};
  EXPECT_THAT(message(both), HasSubstr("not both"));
  ComponentSpecification neither = of_model(1024);
  neither.model_name.reset();
  EXPECT_THAT(message(neither), HasSubstr("Specification.ModelName or Specification.Container"));
  neither.container = api::InferenceComponentContainerSpecification{};
  EXPECT_THAT(message(neither), HasSubstr("no Image"));
  ComponentSpecification adapter = of_model(1024);
  adapter.base_inference_component_name = "base";
  EXPECT_THAT(message(adapter), HasSubstr("Adapters"));
  ComponentSpecification narrow = of_model(1024);
  narrow.compute_resource_requirements->max_memory_required_in_mb = 512;
  EXPECT_THAT(message(narrow), HasSubstr("MaxMemoryRequiredInMb"));
  ComponentSpecification without = of_model(1024);
  without.compute_resource_requirements = {};
  EXPECT_THAT(message(without), HasSubstr("ComputeResourceRequirements is missing"));
}

api::InferenceComponentDeploymentConfig batches(std::string type, std::int64_t value) {
  api::InferenceComponentCapacitySize size;
  size.type = std::move(type);
  size.value = value;
  api::InferenceComponentRollingUpdatePolicy policy;
  policy.maximum_batch_size = size;
  policy.wait_interval_in_seconds = 7;
  api::InferenceComponentDeploymentConfig config;
  config.rolling_update_policy = policy;
  return config;
}

TEST(InferenceComponentRollout, Batches_are_copies_or_percent_of_them) {
  EXPECT_EQ(make_rollout(nullptr, 4)->batch, 0);
  auto copies = batches("COPY_COUNT", 2), percent = batches("CAPACITY_PERCENT", 25);
  EXPECT_EQ(make_rollout(&copies, 4)->batch, 2);
  EXPECT_EQ(make_rollout(&copies, 4)->wait_seconds, 7);
  EXPECT_EQ(make_rollout(&percent, 8)->batch, 2);
  EXPECT_EQ(make_rollout(&percent, 1)->batch, 1);
  EXPECT_FALSE(make_rollout(&copies, 3));
  auto much = batches("CAPACITY_PERCENT", 51);
  EXPECT_FALSE(make_rollout(&much, 8));
  copies.rolling_update_policy->rollback_maximum_batch_size =
      copies.rolling_update_policy->maximum_batch_size;
  EXPECT_FALSE(make_rollout(&copies, 4));
}

TEST(InferenceComponentCopies, Have_their_limits) {
  EXPECT_TRUE(check_copies(0, 0));
  EXPECT_FALSE(check_copies(0, 1));
  EXPECT_TRUE(check_copies(kCopiesMax, 1));
  EXPECT_FALSE(check_copies(kCopiesMax + 1, 1));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
