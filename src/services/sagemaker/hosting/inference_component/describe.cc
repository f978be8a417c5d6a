#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "services/sagemaker/hosting/inference_component/handlers.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;

api::InferenceComponentSpecificationSummary summary(const ComponentSpecification& from,
                                                    const InferenceComponent& component) {
  api::InferenceComponentSpecificationSummary out;
  out.instance_type = from.instance_type;
  out.model_name = from.model_name;
  if (from.container) {
    api::InferenceComponentContainerSpecificationSummary container;
    api::DeployedImage image;
    image.specified_image = image.resolved_image = from.container->image;
    image.resolution_time = component.active ? component.active->started : component.created;
    container.deployed_image = std::move(image);
    container.artifact_url = from.container->artifact_url;
    container.environment = from.container->environment;
    out.container = std::move(container);
  }
  out.startup_parameters = from.startup_parameters;
  out.compute_resource_requirements = from.compute_resource_requirements;
  if (from.data_cache_config)
    out.data_cache_config =
        api::InferenceComponentDataCacheConfigSummary{from.data_cache_config->enable_caching};
  out.scheduling_config = from.scheduling_config;
  return out;
}

std::int64_t ready_copies(const std::optional<Fleet>& fleet) {
  return fleet ? fleet->variants.front().ready_instances() : 0;
}

}  // namespace

api::DescribeInferenceComponentOutput describe_component(const InferenceComponent& component) {
  api::DescribeInferenceComponentOutput out;
  out.inference_component_name = component.name;
  out.inference_component_arn = component.arn;
  out.endpoint_name = component.endpoint;
  out.endpoint_arn = endpoint_arn(component.account, component.region, component.endpoint);
  out.variant_name = component.variant;
  if (!component.failure_reason.empty()) out.failure_reason = component.failure_reason;
  const bool first = !component.active && component.next_specification;
  out.specification =
      summary(first ? *component.next_specification : component.specification, component);
  api::InferenceComponentRuntimeConfigSummary runtime;
  runtime.desired_copy_count = component.copies;
  runtime.current_copy_count = ready_copies(component.active) + ready_copies(component.pending);
  out.runtime_config = std::move(runtime);
  out.creation_time = component.created;
  out.last_modified_time = component.modified;
  out.inference_component_status = component.status;
  if (component.last_deployment) out.last_deployment_config = *component.last_deployment;
  return out;
}

}  // namespace tidemill::services::sagemaker::hosting
