#include <set>

#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/hosting/model/model.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

// The first member that asks for what is not there; "" none.
std::string unimplemented_member(const api::sagemaker::ContainerDefinition& container) {
  if (container.inference_specification_name) return "InferenceSpecificationName";
  if (container.container_metrics_config) return "ContainerMetricsConfig";
  if (container.multi_model_config && container.multi_model_config->model_cache_setting.value_or(
                                          "") == api::sagemaker::model_cache_setting::kDisabled)
    return "MultiModelConfig.ModelCacheSetting Disabled";
  if (!container.model_data_source || !container.model_data_source->s3_data_source) return "";
  const api::sagemaker::S3ModelDataSource& source = *container.model_data_source->s3_data_source;
  const std::string where = "ModelDataSource.S3DataSource.";
  if (source.model_access_config) return where + "ModelAccessConfig";
  if (source.hub_access_config) return where + "HubAccessConfig";
  if (source.manifest_s3_uri) return where + "ManifestS3Uri";
  if (source.etag) return where + "ETag";
  if (source.manifest_etag) return where + "ManifestEtag";
  return "";
}

Result<void> check_container(const api::sagemaker::ContainerDefinition& container) {
  if (container.model_package_name)
    return invalid(
        "Models from model packages are not implemented by Tidemill yet; give Image and "
        "ModelDataUrl.");
  if (const std::string member = unimplemented_member(container); !member.empty())
    return invalid(member + " is not implemented by Tidemill; leave it out.");
  if (!container.image) return invalid("The container has no Image.");
  TRY(resolve_image(*container.image));
  if (container.additional_model_data_sources && !container.additional_model_data_sources->empty())
    return invalid("AdditionalModelDataSources are not implemented by Tidemill yet.");
  if (container.model_data_url && container.model_data_source)
    return invalid("Give either ModelDataUrl or ModelDataSource, not both.");
  const ModelData data = model_data(container);
  if (!data.uri.empty()) TRY(parse_s3_uri(data.uri));
  if (container.mode && *container.mode == api::sagemaker::container_mode::kMultiModel) {
    if (data.uri.empty())
      return invalid("A multi-model container needs a ModelDataUrl, the prefix of its models.");
    return {};
  }
  if (data.compressed && !data.single_object)
    return invalid("A compressed ModelDataSource must have the S3DataType S3Object.");
  return {};
}

}  // namespace

Result<void> check_model(const api::sagemaker::CreateModelInput& request) {
  if (request.primary_container && request.containers && !request.containers->empty())
    return invalid("Give either PrimaryContainer or Containers, not both.");
  const auto containers = containers_of(request);
  if (containers.empty()) return invalid("The model has no container: give PrimaryContainer.");
  if (request.vpc_config) return invalid("VpcConfig is not implemented by Tidemill; leave it out.");
  if (!request.execution_role_arn) return invalid("The model has no ExecutionRoleArn.");
  const bool direct =
      request.inference_execution_config &&
      request.inference_execution_config->mode == api::sagemaker::inference_execution_mode::kDirect;
  std::set<std::string> hostnames;
  for (const api::sagemaker::ContainerDefinition* container : containers) {
    TRY(check_container(*container));
    const std::string hostname = container->container_hostname.value_or("");
    if (!hostname.empty() && !hostnames.insert(hostname).second)
      return invalid("Two containers have the ContainerHostname " + hostname + ".");
    if (direct && hostname.empty())
      return invalid(
          "With the inference execution mode Direct each container needs a "
          "ContainerHostname.");
    if (containers.size() > 1 && container->mode &&
        *container->mode == api::sagemaker::container_mode::kMultiModel)
      return invalid("A multi-model container must be the only one of its model.");
  }
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
