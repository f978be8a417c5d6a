#include "services/sagemaker/endpoint/handlers.h"

namespace tidemill::services::sagemaker {
namespace {

namespace api = tidemill::api::sagemaker;

std::int64_t running_instances(const Variant& variant) {
  if (variant.native) return variant.instance_count;
  std::int64_t count = 0;
  for (const Instance& instance : variant.instances) count += instance.ready ? 1 : 0;
  return count;
}

std::vector<api::DeployedImage> deployed_images(const Fleet& fleet, const Variant& variant) {
  api::DeployedImage image;
  image.specified_image = variant.image;
  image.resolved_image = variant.image;
  image.resolution_time = fleet.started;
  return {image};
}

api::ProductionVariantSummary summary(const Fleet& fleet, const Variant& variant) {
  api::ProductionVariantSummary out;
  out.variant_name = variant.name;
  out.deployed_images = deployed_images(fleet, variant);
  out.current_weight = out.desired_weight = variant.weight;
  out.current_instance_count = running_instances(variant);
  out.desired_instance_count = variant.instance_count;
  return out;
}

api::PendingDeploymentSummary pending_summary(const Fleet& fleet) {
  api::PendingDeploymentSummary out;
  out.endpoint_config_name = fleet.config_name;
  out.start_time = fleet.started;
  std::vector<api::PendingProductionVariantSummary> variants;
  for (const Variant& variant : fleet.variants) {
    api::PendingProductionVariantSummary each;
    each.variant_name = variant.name;
    each.deployed_images = deployed_images(fleet, variant);
    each.desired_weight = variant.weight;
    each.desired_instance_count = variant.instance_count;
    each.current_instance_count = 0;
    if (!variant.instance_type.empty()) each.instance_type = variant.instance_type;
    variants.push_back(std::move(each));
  }
  out.production_variants = std::move(variants);
  return out;
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
  if (endpoint.active) {
    out.endpoint_config_name = endpoint.active->config_name;
    std::vector<api::ProductionVariantSummary> variants;
    for (const Variant& variant : endpoint.active->variants)
      variants.push_back(summary(*endpoint.active, variant));
    out.production_variants = std::move(variants);
    if (endpoint.pending) out.pending_deployment_summary = pending_summary(*endpoint.pending);
  } else if (endpoint.pending) {
    out.endpoint_config_name = endpoint.pending->config_name;
  } else {
    out.endpoint_config_name = endpoint.failed_config;
  }
  return out;
}

}  // namespace tidemill::services::sagemaker
