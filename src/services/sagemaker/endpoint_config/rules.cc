#include <set>

#include "compute/instance_types.h"
#include "services/sagemaker/endpoint_config/endpoint_config.h"

namespace tidemill::services::sagemaker {
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

Result<void> check_variant(const api::sagemaker::ProductionVariant& variant) {
  const std::string where = "The production variant " + variant.variant_name;
  if (!variant.model_name)
    return invalid(where +
                   " has no ModelName; inference components are not implemented by Tidemill "
                   "yet.");
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
  if (variant.serverless_config) return check_serverless(where, *variant.serverless_config);
  const std::int64_t count = variant.initial_instance_count.value_or(1);
  if (count < 1 || count > kInstancesPerVariantMax)
    return invalid(where + " asks for " + std::to_string(count) + " instances; from 1 to " +
                   std::to_string(kInstancesPerVariantMax) + " are possible here.");
  return {};
}

}  // namespace

Result<void> check_endpoint_config(const api::sagemaker::CreateEndpointConfigInput& request) {
  std::set<std::string> names;
  for (const api::sagemaker::ProductionVariant& variant : request.production_variants) {
    TRY(check_variant(variant));
    if (!names.insert(variant.variant_name).second)
      return invalid("Two production variants have the name " + variant.variant_name + ".");
  }
  if (request.shadow_production_variants) {
    if (request.shadow_production_variants->size() > 1 || request.production_variants.size() > 1)
      return invalid("Shadow tests take one production variant and one shadow variant.");
    for (const api::sagemaker::ProductionVariant& variant : *request.shadow_production_variants) {
      TRY(check_variant(variant));
      if (!names.insert(variant.variant_name).second)
        return invalid("Two variants have the name " + variant.variant_name + ".");
      if (variant.serverless_config)
        return invalid("The shadow variant " + variant.variant_name + " must not be serverless.");
    }
  }
  if (request.data_capture_config && request.data_capture_config->enable_capture.value_or(false))
    return invalid("Data capture is not implemented by Tidemill yet; leave DataCaptureConfig out.");
  if (request.async_inference_config)
    return invalid("Asynchronous inference is not implemented by Tidemill yet.");
  if (request.explainer_config) return invalid("Explainers are not implemented by Tidemill yet.");
  return {};
}

}  // namespace tidemill::services::sagemaker
