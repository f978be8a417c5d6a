#include "services/sagemaker/hosting/data_capture/data_capture.h"

#include "services/sagemaker/common/s3_uri.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

// The service's model says that capture is on unless it is turned off.
bool is_on(const api::sagemaker::DataCaptureConfig& config) {
  return config.enable_capture.value_or(true);
}

}  // namespace

Result<void> check_data_capture(const api::sagemaker::DataCaptureConfig& config) {
  Result<S3Uri> destination = parse_s3_uri(config.destination_s3_uri);
  if (!destination)
    return fail("ValidationException",
                "DataCaptureConfig.DestinationS3Uri: " + destination.error().message);
  if (config.kms_key_id && !config.kms_key_id->empty())
    return fail("ValidationException",
                "Tidemill does not encrypt with KMS keys: leave KmsKeyId out of "
                "DataCaptureConfig.");
  return {};
}

std::optional<sagemaker_runtime::CaptureSettings> capture_settings(
    const api::sagemaker::DataCaptureConfig& config, const CapturedVariant& of) {
  Result<S3Uri> destination = parse_s3_uri(config.destination_s3_uri);
  if (!is_on(config) || !destination || config.initial_sampling_percentage <= 0)
    return std::nullopt;
  sagemaker_runtime::CaptureSettings out;
  out.account = of.account;
  out.region = of.region;
  out.endpoint = of.endpoint;
  out.variant = of.variant;
  out.role_arn = of.role_arn;
  out.role_since = of.role_since;
  out.bucket = destination->bucket;
  out.prefix = destination->key;
  out.sampling_percentage = int(config.initial_sampling_percentage);
  out.input = out.output = false;
  for (const api::sagemaker::CaptureOption& option : config.capture_options) {
    if (option.capture_mode != api::sagemaker::capture_mode::kOutput) out.input = true;
    if (option.capture_mode != api::sagemaker::capture_mode::kInput) out.output = true;
  }
  // Without them SageMaker keeps every body as base64.
  if (config.capture_content_type_header) {
    if (config.capture_content_type_header->csv_content_types)
      out.csv_content_types = *config.capture_content_type_header->csv_content_types;
    if (config.capture_content_type_header->json_content_types)
      out.json_content_types = *config.capture_content_type_header->json_content_types;
  }
  return out;
}

}  // namespace tidemill::services::sagemaker::hosting
