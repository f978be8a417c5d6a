#include "services/sagemaker/jobs/training_job/rules.h"

#include <set>

#include "base/arn.h"
#include "compute/instance_types.h"
#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/jobs/training_job/metrics.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

using api::sagemaker::Channel;
using api::sagemaker::CreateTrainingJobRequest;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

Result<void> check_algorithm(const CreateTrainingJobRequest& request, const Programs& programs) {
  if (request.serverless_job_config)
    return invalid(
        "ServerlessJobConfig is not supported by Tidemill; give an "
        "AlgorithmSpecification with a TrainingImage.");
  if (!request.algorithm_specification || !request.algorithm_specification->training_image) {
    if (request.algorithm_specification && request.algorithm_specification->algorithm_name)
      return invalid("AlgorithmName is not supported by Tidemill; give a TrainingImage.");
    return invalid("Either AlgorithmName or TrainingImage must be provided.");
  }
  const auto& algorithm = *request.algorithm_specification;
  const auto entrypoint = algorithm.container_entrypoint.value_or(std::vector<std::string>());
  const Image image = TRY(resolve_training_image(*algorithm.training_image, entrypoint, programs));
  if (image.runtime == Runtime::served_model && entrypoint.empty())
    return invalid("Training with the image " + image.repository +
                   " is not implemented by Tidemill; models of it can be hosted.");
  if (algorithm.training_input_mode == api::sagemaker::training_input_mode::kPipe)
    return invalid("TrainingInputMode Pipe is not supported by Tidemill; use File or FastFile.");
  if (algorithm.metric_definitions) TRY(check_metric_definitions(*algorithm.metric_definitions));
  return {};
}

Result<void> check_channel(const Channel& channel) {
  const std::string where = "The channel '" + channel.channel_name + "' ";
  if (channel.input_mode == api::sagemaker::training_input_mode::kPipe)
    return invalid(where +
                   "has InputMode Pipe, which Tidemill does not support; use File or "
                   "FastFile.");
  if (!channel.data_source || !channel.data_source->s3_data_source)
    return invalid(where +
                   "needs an S3DataSource; other data sources are not supported by "
                   "Tidemill.");
  const auto& source = *channel.data_source->s3_data_source;
  if (source.s3_data_type != api::sagemaker::s3_data_type::kS3Prefix &&
      source.s3_data_type != api::sagemaker::s3_data_type::kManifestFile)
    return invalid(where + "has S3DataType " + source.s3_data_type +
                   ", which Tidemill does not support; use S3Prefix or ManifestFile.");
  TRY(parse_s3_uri(source.s3_uri));
  return {};
}

Result<void> check_resources(const CreateTrainingJobRequest& request) {
  if (!request.resource_config) return invalid("ResourceConfig must be provided.");
  const auto& resources = *request.resource_config;
  if (resources.instance_groups && !resources.instance_groups->empty())
    return invalid(
        "InstanceGroups are not supported by Tidemill; give InstanceType and "
        "InstanceCount.");
  if (!resources.instance_type) return invalid("InstanceType must be provided.");
  auto type = compute::check_instance_type(*resources.instance_type);
  if (!type) return invalid(type.error().message);
  if (resources.instance_count.value_or(1) > 1)
    return invalid("InstanceCount " + std::to_string(*resources.instance_count) +
                   " is not supported by Tidemill yet: a training job runs on one instance. Use "
                   "a larger InstanceType.");
  return {};
}

Result<void> check_stopping(const CreateTrainingJobRequest& request) {
  const auto& condition = request.stopping_condition;
  const bool spot = request.enable_managed_spot_training.value_or(false);
  if (!condition) {
    if (spot) return invalid("MaxWaitTimeInSeconds must be provided for managed spot training.");
    return {};
  }
  if (condition->max_wait_time_in_seconds && !spot)
    return invalid("MaxWaitTimeInSeconds can only be set when EnableManagedSpotTraining is true.");
  if (!spot) return {};
  if (!condition->max_wait_time_in_seconds)
    return invalid("MaxWaitTimeInSeconds must be provided for managed spot training.");
  constexpr std::int64_t kMaxRuntimeDefaultSeconds = 86'400;
  if (*condition->max_wait_time_in_seconds <
      condition->max_runtime_in_seconds.value_or(kMaxRuntimeDefaultSeconds))
    return invalid(
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal "
        "to MaxRuntimeInSeconds");
  return {};
}

Result<void> check_checkpoints(const CreateTrainingJobRequest& request) {
  if (!request.checkpoint_config) return {};
  TRY(parse_s3_uri(request.checkpoint_config->s3_uri));
  const std::string path = request.checkpoint_config->local_path.value_or("/opt/ml/checkpoints");
  constexpr std::string_view kParent = "/opt/ml/";
  if (!path.starts_with(kParent) || path.contains("..") || path == "/opt/ml/model" ||
      path.starts_with("/opt/ml/input") || path.starts_with("/opt/ml/output"))
    return invalid("CheckpointConfig's LocalPath '" + path +
                   "' must be a folder of its own below /opt/ml, such as /opt/ml/checkpoints.");
  return {};
}

}  // namespace

Result<void> check_training_request(const CreateTrainingJobRequest& request,
                                    const Programs& programs) {
  TRY(check_algorithm(request, programs));
  TRY(check_resources(request));
  TRY(check_stopping(request));
  TRY(check_checkpoints(request));
  if (request.vpc_config) return invalid("VpcConfig is not implemented by Tidemill; leave it out.");
  if (!request.output_data_config) return invalid("OutputDataConfig must be provided.");
  TRY(parse_s3_uri(request.output_data_config->s3_output_path));
  Result<Arn> role = parse_arn(request.role_arn);
  if (!role || role->service != "iam" || role->resource_type() != "role")
    return invalid("RoleArn '" + request.role_arn +
                   "' is no ARN of a role; it should look like "
                   "arn:aws:iam::123456789012:role/Name.");
  std::set<std::string> names;
  if (request.input_data_config)
    for (const Channel& channel : *request.input_data_config) {
      TRY(check_channel(channel));
      if (!names.insert(channel.channel_name).second)
        return invalid("The channel name '" + channel.channel_name + "' is given twice.");
    }
  if (request.environment)
    for (const auto& [name, value] : *request.environment)
      if (name.empty() || name.contains('=') || name.contains('\0') || value.contains('\0'))
        return invalid("'" + name + "' is no name of an environment variable.");
  return {};
}

}  // namespace tidemill::services::sagemaker::jobs
