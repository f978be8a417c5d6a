#include "services/sagemaker/jobs/transform_job/rules.h"

#include <algorithm>
#include <cmath>

#include "compute/instance_types.h"
#include "services/sagemaker/common/s3_uri.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace api = tidemill::api::sagemaker;
using api::CreateTransformJobRequest;

constexpr std::size_t kMegabyte = 1u << 20;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

SplitType split_type(const CreateTransformJobRequest& request) {
  const std::string split = request.transform_input->split_type.value_or("None");
  if (split == api::split_type::kLine) return SplitType::line;
  if (split == api::split_type::kRecordIO) return SplitType::record_io;
  if (split == api::split_type::kTFRecord) return SplitType::tf_record;
  return SplitType::none;
}

bool single_record(const CreateTransformJobRequest& request) {
  return request.batch_strategy == api::batch_strategy::kSingleRecord;
}

Result<void> check_input(const CreateTransformJobRequest& request) {
  const auto& source = *request.transform_input->data_source->s3_data_source;
  if (source.s3_data_type != api::s3_data_type::kS3Prefix &&
      source.s3_data_type != api::s3_data_type::kManifestFile)
    return invalid("S3DataType " + source.s3_data_type +
                   " cannot be used with transform jobs; use S3Prefix or ManifestFile.");
  TRY(parse_s3_uri(source.s3_uri));
  TRY(parse_s3_uri(request.transform_output->s3_output_path));
  return {};
}

Result<void> check_payload(const CreateTransformJobRequest& request) {
  const std::int64_t concurrent = request.max_concurrent_transforms.value_or(0);
  const std::int64_t payload = request.max_payload_in_mb.value_or(kPayloadDefaultMb);
  if (payload > kPayloadMaxMb)
    return invalid("MaxPayloadInMB " + std::to_string(payload) + " is more than the " +
                   std::to_string(kPayloadMaxMb) + " MB that SageMaker allows.");
  if (concurrent > kConcurrentTransformsMax)
    return invalid("MaxConcurrentTransforms " + std::to_string(concurrent) + " is more than " +
                   std::to_string(kConcurrentTransformsMax) + ".");
  if (concurrent * payload > kPayloadMaxMb)
    return invalid("MaxConcurrentTransforms * MaxPayloadInMB is " +
                   std::to_string(concurrent * payload) + " MB and cannot exceed " +
                   std::to_string(kPayloadMaxMb) + " MB; lower one of them.");
  return {};
}

Result<void> check_resources(const CreateTransformJobRequest& request) {
  const auto& resources = *request.transform_resources;
  auto type = compute::check_instance_type(resources.instance_type);
  if (!type) return invalid(type.error().message);
  if (resources.instance_count > kTransformInstancesMax)
    return invalid("InstanceCount " + std::to_string(resources.instance_count) + " is more than " +
                   std::to_string(kTransformInstancesMax) + ".");
  return {};
}

}  // namespace

Result<DataProcessing> data_processing(const CreateTransformJobRequest& request) {
  DataProcessingOptions options;
  if (request.data_processing) {
    options.input_filter = request.data_processing->input_filter.value_or("$");
    options.output_filter = request.data_processing->output_filter.value_or("$");
    options.join_input = request.data_processing->join_source == api::join_source::kInput;
  }
  options.content_type = request.transform_input->content_type.value_or("");
  options.accept = request.transform_output->accept.value_or("");
  options.split = split_type(request);
  options.assemble_lines = request.transform_output->assemble_with == api::assembly_type::kLine;
  return DataProcessing::make(options);
}

Result<void> check_transform_request(const CreateTransformJobRequest& request) {
  TRY(check_input(request));
  TRY(check_payload(request));
  TRY(check_resources(request));
  if (Result<DataProcessing> processing = data_processing(request); !processing)
    return invalid(processing.error().message);
  if (single_record(request) && split_type(request) == SplitType::none)
    return invalid("BatchStrategy SingleRecord needs a SplitType: Line, RecordIO or TFRecord.");
  if (request.data_capture_config)
    return invalid(
        "DataCaptureConfig of transform jobs is not implemented by Tidemill; use DataProcessing's "
        "JoinSource Input to keep inputs beside their predictions.");
  return {};
}

TransformPlan transform_plan(const CreateTransformJobRequest& request) {
  TransformPlan plan;
  plan.batches.split = split_type(request);
  plan.batches.single_record = single_record(request);
  plan.payload_mb = request.max_payload_in_mb.value_or(kPayloadDefaultMb);
  // 0 is for payloads of any size; ours are held in memory and end at what others may have.
  const std::int64_t payload_mb = plan.payload_mb == 0 ? kPayloadMaxMb : plan.payload_mb;
  plan.batches.payload_bytes_max = std::size_t(payload_mb) * kMegabyte;
  plan.gzip = request.transform_input->compression_type == api::compression_type::kGzip;
  plan.content_type = request.transform_input->content_type.value_or("");
  plan.accept = request.transform_output->accept.value_or("");
  // Filters and joins need answers of the input's kind.
  if (plan.accept.empty() && request.data_processing) plan.accept = plan.content_type;
  if (request.model_client_config) {
    const auto& client = *request.model_client_config;
    if (client.invocations_timeout_in_seconds)
      plan.timeout = std::chrono::seconds(*client.invocations_timeout_in_seconds);
    plan.retries = int(client.invocations_max_retries.value_or(kInvocationRetriesDefault));
  }
  std::int64_t concurrent = request.max_concurrent_transforms.value_or(0);
  if (concurrent == 0) {
    const auto* type = compute::find_instance_type(request.transform_resources->instance_type);
    const double cpus = type ? compute::limits_on_this_machine(*type).cpus_max : 1;
    concurrent = std::max<std::int64_t>(1, std::llround(std::ceil(cpus)));
    concurrent = std::min(concurrent, std::max<std::int64_t>(1, kPayloadMaxMb / payload_mb));
  }
  concurrent *= std::max<std::int64_t>(1, request.transform_resources->instance_count);
  plan.concurrency = std::size_t(std::min(concurrent, kConcurrentTransformsMax));
  return plan;
}

}  // namespace tidemill::services::sagemaker::jobs
