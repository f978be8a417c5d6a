#include <algorithm>
#include <cmath>
#include <set>

#include "compute/instance_types.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/hosting/data_capture/data_capture.h"
#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

Result<void> check_serverless(const std::string& where,
                              const api::sagemaker::ProductionVariantServerlessConfig& config) {
  if (config.memory_size_in_mb % 1024 != 0)
    return invalid(where + ": MemorySizeInMB goes in steps of 1024.");
  if (config.provisioned_concurrency.value_or(0) > config.max_concurrency)
    return invalid(where + ": ProvisionedConcurrency must not be above MaxConcurrency.");
  return {};
}

// The first member that asks for what is not there; "" none. What is harmless to leave out is not
// among them: docs/services/sagemaker-hosting.md lists it.
std::string unimplemented_member(const api::sagemaker::ProductionVariant& variant) {
  if (variant.core_dump_config) return "CoreDumpConfig";
  if (variant.accelerator_type) return "AcceleratorType";
  if (variant.capacity_reservation_config) return "CapacityReservationConfig";
  if (variant.instance_pools && !variant.instance_pools->empty()) return "InstancePools";
  if (variant.accelerator_partition_layouts && !variant.accelerator_partition_layouts->empty())
    return "AcceleratorPartitionLayouts";
  if (variant.enable_ssm_access.value_or(false)) return "EnableSSMAccess";
  if (variant.managed_instance_scaling &&
      variant.managed_instance_scaling->status.value_or("") !=
          api::sagemaker::managed_instance_scaling_status::kDisabled)
    return "ManagedInstanceScaling";
  if (variant.routing_config && variant.routing_config->prefix_aware_routing_config)
    return "RoutingConfig.PrefixAwareRoutingConfig";
  return "";
}

std::string unimplemented_member(const api::sagemaker::CreateEndpointConfigInput& request) {
  if (request.vpc_config) return "VpcConfig";
  if (request.metrics_config) return "MetricsConfig";
  if (request.cross_region_traffic_config) return "CrossRegionTrafficConfig";
  if (request.explainer_config) return "ExplainerConfig";
  return "";
}

Result<void> check_variant(const api::sagemaker::ProductionVariant& variant) {
  const std::string where = "The production variant " + variant.variant_name;
  if (!variant.model_name && variant.serverless_config)
    return invalid(where + " has no ModelName; a serverless one needs it.");
  if (!std::isfinite(variant.initial_variant_weight.value_or(1)))
    return invalid(where + ": InitialVariantWeight must be a finite number.");
  if (variant.serverless_config && variant.instance_type)
    return invalid(where + " has both an InstanceType and a ServerlessConfig.");
  if (!variant.serverless_config && !variant.instance_type)
    return invalid(where + " has no InstanceType.");
  if (variant.instance_type) {
    auto known = compute::check_instance_type(*variant.instance_type);
    if (!known) return invalid(where + ": " + known.error().message);
  }
  if (variant.routing_config &&
      variant.routing_config->routing_strategy != api::sagemaker::routing_strategy::kRandom &&
      variant.routing_config->routing_strategy !=
          api::sagemaker::routing_strategy::kLeastOutstandingRequests)
    return invalid(where + ": the RoutingStrategy " + variant.routing_config->routing_strategy +
                   " is not implemented by Tidemill; RANDOM and LEAST_OUTSTANDING_REQUESTS are.");
  if (const std::string member = unimplemented_member(variant); !member.empty())
    return invalid(where + ": " + member + " is not implemented by Tidemill; leave it out.");
  if (variant.serverless_config && variant.initial_instance_count)
    return invalid(where + " has both an InitialInstanceCount and a ServerlessConfig.");
  if (variant.serverless_config) return check_serverless(where, *variant.serverless_config);
  const std::int64_t count = variant.initial_instance_count.value_or(1);
  if (count < 1 || count > kInstancesPerVariantMax)
    return invalid(where + " asks for " + std::to_string(count) + " instances; from 1 to " +
                   std::to_string(kInstancesPerVariantMax) + " are possible here.");
  return {};
}

// Variants without models host inference components.
Result<void> check_component_hosting(const api::sagemaker::CreateEndpointConfigInput& request) {
  const auto& variants = request.production_variants;
  const auto without_model = std::ranges::count_if(
      variants, [](const api::sagemaker::ProductionVariant& each) { return !each.model_name; });
  if (without_model == 0) return {};
  if (without_model < std::ssize(variants))
    return invalid(
        "Some production variants have a ModelName and some have none; give each one, or none for "
        "an endpoint of inference components.");
  if (!request.execution_role_arn)
    return invalid("Production variants without a ModelName need an ExecutionRoleArn.");
  if (request.shadow_production_variants && !request.shadow_production_variants->empty())
    return invalid("An endpoint of inference components takes no shadow variants.");
  if (request.async_inference_config)
    return invalid("Asynchronous inference needs production variants with a ModelName.");
  if (request.data_capture_config && request.data_capture_config->enable_capture.value_or(true))
    return invalid("Data capture of inference components is not implemented by Tidemill.");
  return {};
}

Result<void> check_async(const api::sagemaker::CreateEndpointConfigInput& request) {
  for (const api::sagemaker::ProductionVariant& variant : request.production_variants)
    if (variant.serverless_config)
      return invalid("The variant " + variant.variant_name +
                     " is serverless; asynchronous endpoints have instances.");
  if (request.shadow_production_variants && !request.shadow_production_variants->empty())
    return invalid("Asynchronous endpoints have no shadow variants.");
  return check_async_config(*request.async_inference_config);
}

}  // namespace

Result<void> check_async_config(const api::sagemaker::AsyncInferenceConfig& config) {
  const api::sagemaker::AsyncInferenceOutputConfig& output = *config.output_config;
  if (!output.s3_output_path || output.s3_output_path->empty())
    return invalid("AsyncInferenceConfig.OutputConfig has no S3OutputPath: say where answers go.");
  TRY(parse_s3_uri(*output.s3_output_path));
  if (output.s3_failure_path && !output.s3_failure_path->empty())
    TRY(parse_s3_uri(*output.s3_failure_path));
  if (output.kms_key_id && !output.kms_key_id->empty())
    return invalid(
        "Tidemill does not encrypt with KMS keys: leave KmsKeyId out of "
        "AsyncInferenceConfig.OutputConfig.");
  if (output.notification_config &&
      (output.notification_config->success_topic || output.notification_config->error_topic))
    return invalid(
        "Notifications of asynchronous inference need SNS topics, which Tidemill does not have "
        "yet: leave NotificationConfig out and look at the output and failure paths.");
  return {};
}

Result<void> check_endpoint_config(const api::sagemaker::CreateEndpointConfigInput& request) {
  if (const std::string member = unimplemented_member(request); !member.empty())
    return invalid(member + " is not implemented by Tidemill; leave it out.");
  std::set<std::string> names;
  for (const api::sagemaker::ProductionVariant& variant : request.production_variants) {
    TRY(check_variant(variant));
    if (!names.insert(variant.variant_name).second)
      return invalid("Two production variants have the name " + variant.variant_name + ".");
  }
  TRY(check_component_hosting(request));
  if (request.shadow_production_variants) {
    if (request.shadow_production_variants->size() > 1 || request.production_variants.size() > 1)
      return invalid("Shadow tests take one production variant and one shadow variant.");
    for (const api::sagemaker::ProductionVariant& variant : *request.shadow_production_variants) {
      TRY(check_variant(variant));
      if (!variant.model_name)
        return invalid("The shadow variant " + variant.variant_name + " has no ModelName.");
      if (!names.insert(variant.variant_name).second)
        return invalid("Two variants have the name " + variant.variant_name + ".");
      if (variant.serverless_config)
        return invalid("The shadow variant " + variant.variant_name + " must not be serverless.");
    }
  }
  if (request.data_capture_config) TRY(check_data_capture(*request.data_capture_config));
  if (request.async_inference_config) TRY(check_async(request));
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
