#include "services/sagemaker/hosting/endpoint/handlers.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;

std::vector<api::DeployedImage> deployed_images(const Fleet& fleet, const Variant& variant) {
  std::vector<api::DeployedImage> images;
  for (const Container& container : variant.containers) {
    api::DeployedImage image;
    image.specified_image = image.resolved_image = container.image;
    image.resolution_time = fleet.started;
    images.push_back(std::move(image));
  }
  return images;
}

// The common members of the two kinds of summary.
template <class Summary>
Summary summary(const Fleet& fleet, const Variant& variant, double share) {
  Summary out;
  out.variant_name = variant.name;
  out.deployed_images = deployed_images(fleet, variant);
  out.current_weight = variant.weight * share;
  out.desired_weight = variant.weight;
  if (variant.serverless) {
    api::ProductionVariantServerlessConfig serverless;
    serverless.memory_size_in_mb = variant.serverless->memory_mib;
    serverless.max_concurrency = variant.serverless->concurrency_max;
    if (variant.serverless->provisioned_concurrency > 0)
      serverless.provisioned_concurrency = variant.serverless->provisioned_concurrency;
    out.current_serverless_config = serverless;
    out.desired_serverless_config = serverless;
  } else {
    out.current_instance_count = variant.ready_instances();
    out.desired_instance_count = variant.instance_count;
  }
  if (variant.random_routing) {
    api::ProductionVariantRoutingConfig routing;
    routing.routing_strategy = api::routing_strategy::kRandom;
    out.routing_config = routing;
  }
  return out;
}

// AWS's names for what a variant of a fleet that is being deployed goes through.
api::ProductionVariantStatus status_of(const Deployment& deployment) {
  api::ProductionVariantStatus out;
  out.status = "Creating";
  if (deployment.stage == deployment_stages::kPublishing) out.status = "ActivatingTraffic";
  if (deployment.stage == deployment_stages::kBaking) out.status = "Baking";
  out.status_message = std::to_string(std::int64_t(deployment.traffic * 100 + 0.5)) +
                       " percent of the traffic goes to this fleet.";
  out.start_time = deployment.stage_started;
  return out;
}

void add_pending(const Endpoint& endpoint, api::DescribeEndpointOutput& out) {
  const Fleet& fleet = *endpoint.pending;
  api::PendingDeploymentSummary pending;
  pending.endpoint_config_name = fleet.config_name;
  pending.start_time = fleet.started;
  std::vector<api::PendingProductionVariantSummary> variants, shadows;
  for (const Variant& variant : fleet.variants) {
    auto each =
        summary<api::PendingProductionVariantSummary>(fleet, variant, endpoint.deployment->traffic);
    if (!variant.instance_type.empty()) each.instance_type = variant.instance_type;
    each.variant_status = {status_of(*endpoint.deployment)};
    (variant.shadow ? shadows : variants).push_back(std::move(each));
  }
  pending.production_variants = std::move(variants);
  if (!shadows.empty()) pending.shadow_production_variants = std::move(shadows);
  out.pending_deployment_summary = std::move(pending);
}

void add_deployment_config(const DeploymentPolicy& policy, api::DescribeEndpointOutput& out) {
  api::CapacitySize size;
  size.type = policy.size_in_percent ? api::capacity_size_type::kCapacityPercent
                                     : api::capacity_size_type::kInstanceCount;
  size.value = policy.size;
  api::DeploymentConfig config;
  if (policy.type == deployment_policies::kRolling) {
    api::RollingUpdatePolicy rolling;
    rolling.maximum_batch_size = size;
    rolling.wait_interval_in_seconds = policy.wait_seconds;
    if (policy.time_max_seconds)
      rolling.maximum_execution_timeout_in_seconds = policy.time_max_seconds;
    config.rolling_update_policy = rolling;
  } else {
    api::TrafficRoutingConfig routing;
    routing.type = policy.type;
    routing.wait_interval_in_seconds = policy.wait_seconds;
    if (policy.type == deployment_policies::kCanary) routing.canary_size = size;
    if (policy.type == deployment_policies::kLinear) routing.linear_step_size = size;
    api::BlueGreenUpdatePolicy blue_green;
    blue_green.traffic_routing_configuration = routing;
    blue_green.termination_wait_in_seconds = policy.termination_wait_seconds;
    if (policy.time_max_seconds)
      blue_green.maximum_execution_timeout_in_seconds = policy.time_max_seconds;
    config.blue_green_update_policy = blue_green;
  }
  out.last_deployment_config = std::move(config);
}

void add_capture(const api::DataCaptureConfig& capture, api::DescribeEndpointOutput& out) {
  api::DataCaptureConfigSummary summary;
  summary.enable_capture = capture.enable_capture.value_or(true);
  summary.capture_status = summary.enable_capture ? "Started" : "Stopped";
  summary.current_sampling_percentage = capture.initial_sampling_percentage;
  summary.destination_s3_uri = capture.destination_s3_uri;
  summary.kms_key_id = capture.kms_key_id.value_or("");
  out.data_capture_config = std::move(summary);
}

}  // namespace

api::DescribeEndpointOutput describe_endpoint(const Endpoint& endpoint) {
  api::DescribeEndpointOutput out;
  out.endpoint_name = endpoint.name;
  out.endpoint_arn = endpoint.arn;
  out.endpoint_status = endpoint.status;
  out.creation_time = endpoint.created;
  out.last_modified_time = endpoint.modified;
  if (!endpoint.failure_reason.empty()) out.failure_reason = endpoint.failure_reason;
  if (endpoint.last_policy) add_deployment_config(*endpoint.last_policy, out);
  if (endpoint.active) {
    out.endpoint_config_name = endpoint.active->config_name;
    const double share =
        endpoint.pending && endpoint.deployment ? 1 - endpoint.deployment->traffic : 1;
    std::vector<api::ProductionVariantSummary> variants, shadows;
    for (const Variant& variant : endpoint.active->variants)
      (variant.shadow ? shadows : variants)
          .push_back(summary<api::ProductionVariantSummary>(*endpoint.active, variant, share));
    out.production_variants = std::move(variants);
    if (!shadows.empty()) out.shadow_production_variants = std::move(shadows);
    if (endpoint.active->capture) add_capture(*endpoint.active->capture, out);
    if (endpoint.active->asynchronous) out.async_inference_config = *endpoint.active->asynchronous;
    if (endpoint.pending && endpoint.deployment) add_pending(endpoint, out);
  } else if (endpoint.pending) {
    out.endpoint_config_name = endpoint.pending->config_name;
  } else {
    out.endpoint_config_name = endpoint.failed_config;
  }
  return out;
}

}  // namespace tidemill::services::sagemaker::hosting
