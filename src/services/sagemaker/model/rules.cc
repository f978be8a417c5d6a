#include "services/sagemaker/images/images.h"
#include "services/sagemaker/model/model.h"
#include "services/sagemaker/s3_uri.h"

namespace tidemill::services::sagemaker {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

Result<void> check_container(const api::sagemaker::ContainerDefinition& container) {
  if (container.model_package_name)
    return invalid(
        "Models from model packages are not implemented by Tidemill yet; give Image and "
        "ModelDataUrl.");
  if (!container.image) return invalid("The container has no Image.");
  TRY(resolve_image(*container.image));
  if (container.mode && *container.mode == api::sagemaker::container_mode::kMultiModel)
    return invalid("Multi-model containers are not implemented by Tidemill yet.");
  if (container.additional_model_data_sources && !container.additional_model_data_sources->empty())
    return invalid("AdditionalModelDataSources are not implemented by Tidemill yet.");
  if (container.model_data_url && container.model_data_source)
    return invalid("Give either ModelDataUrl or ModelDataSource, not both.");
  const ModelData data = model_data(container);
  if (!data.uri.empty()) TRY(parse_s3_uri(data.uri));
  if (data.compressed && !data.single_object)
    return invalid("A compressed ModelDataSource must have the S3DataType S3Object.");
  return {};
}

}  // namespace

Result<void> check_model(const api::sagemaker::CreateModelInput& request) {
  if (request.primary_container && request.containers && !request.containers->empty())
    return invalid("Give either PrimaryContainer or Containers, not both.");
  if (request.containers && request.containers->size() > 1)
    return invalid(
        "Models of several containers (inference pipelines) are not implemented by "
        "Tidemill yet.");
  const api::sagemaker::ContainerDefinition* container = primary_container(request);
  if (!container) return invalid("The model has no container: give PrimaryContainer.");
  if (!request.execution_role_arn) return invalid("The model has no ExecutionRoleArn.");
  return check_container(*container);
}

}  // namespace tidemill::services::sagemaker
