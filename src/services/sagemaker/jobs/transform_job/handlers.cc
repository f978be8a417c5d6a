#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/jobs/job.h"
#include "services/sagemaker/jobs/transform_job/input_files.h"
#include "services/sagemaker/jobs/transform_job/rules.h"
#include "services/sagemaker/jobs/transform_job/transform_jobs.h"
#include "services/sagemaker/jobs/transform_job/transitions.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

using namespace api::sagemaker;

constexpr std::size_t kInstanceIdCharacters = 10;

std::unexpected<Error> not_found(const std::string& name) {
  return fail("ValidationException", "Could not find requested job with name: " + name);
}

TransformJobSummary summary(const TransformJob& job) {
  TransformJobSummary out;
  out.transform_job_name = job.name();
  out.transform_job_arn = job.arn;
  out.creation_time = job.created;
  out.transform_end_time = job.ended;
  out.last_modified_time = job.modified;
  out.transform_job_status = job.status;
  if (!job.failure_reason.empty()) out.failure_reason = job.failure_reason;
  return out;
}

}  // namespace

DescribeTransformJobResponse describe_transform_job(const TransformJob& job) {
  const CreateTransformJobRequest& request = job.request;
  DescribeTransformJobResponse out;
  out.transform_job_name = job.name();
  out.transform_job_arn = job.arn;
  out.transform_job_status = job.status;
  if (!job.failure_reason.empty()) out.failure_reason = job.failure_reason;
  out.model_name = request.model_name;
  out.max_concurrent_transforms = request.max_concurrent_transforms;
  out.model_client_config = request.model_client_config;
  out.max_payload_in_mb = request.max_payload_in_mb;
  out.batch_strategy = request.batch_strategy;
  out.environment = request.environment.value_or(std::map<std::string, std::string>());
  out.transform_input = request.transform_input;
  if (!out.transform_input->compression_type)
    out.transform_input->compression_type = std::string(compression_type::kNone);
  if (!out.transform_input->split_type)
    out.transform_input->split_type = std::string(split_type::kNone);
  out.transform_output = request.transform_output;
  if (!out.transform_output->assemble_with)
    out.transform_output->assemble_with = std::string(assembly_type::kNone);
  if (!out.transform_output->kms_key_id) out.transform_output->kms_key_id = "";
  out.transform_resources = request.transform_resources;
  out.creation_time = job.created;
  out.transform_start_time = job.started;
  out.transform_end_time = job.ended;
  out.data_processing = request.data_processing;
  auto& processing = out.data_processing.ensure();
  if (!processing.input_filter) processing.input_filter = "$";
  if (!processing.output_filter) processing.output_filter = "$";
  if (!processing.join_source) processing.join_source = std::string(join_source::kNone);
  out.experiment_config = request.experiment_config;
  return out;
}

Result<CreateTransformJobResponse> TransformHandlers::create(
    Context& context, const CreateTransformJobRequest& request) {
  TRY(check_transform_request(request));
  const std::vector<Tag> tags = request.tags.value_or(std::vector<Tag>());
  TRY(check_tags(tags));
  TransformJob job;
  job.account = context.account();
  job.region = context.region;
  job.arn = job_arn(context, "transform-job", request.transform_job_name);
  job.server_url = context.endpoint;
  job.request = request;
  job.instance_id = make_token(on_.random, kInstanceIdCharacters);
  BatchModels::Plan plan = TRY(models_.plan(context, request, job.instance_id));
  job.model = std::move(plan.model);
  job.role_arn = std::move(plan.role_arn);
  job.role_since = plan.role_since;
  const auto role_s3 = on_.s3_as(role_use(job));
  s3::S3Interface& s3 = *role_s3;
  if (Result<void> there = check_input_exists(s3, job); !there) {
    if (there.error().code == "ValidationException") return fail(there.error());
    return internal_failure(there.error());
  }
  auto first = begin_transform_job(std::move(job), on_.clock.now());
  store::Transaction transaction;
  put_tags_of_new(transaction, first.next.arn, tags);
  Result<void> created = on_.engine.create(
      kTransformJobMachine,
      transform_job_key(context.account(), context.region, request.transform_job_name),
      to_json(transform_jobs().checked(request.transform_job_name, first.next)),
      transform_jobs().index_keys(first.next), std::move(first.tasks), std::move(transaction));
  if (!created && created.error().code == codes::kConflict)
    return fail(errors::kResourceInUse,
                "Job name must be unique within an AWS account and region, and a job with this "
                "name already exists (" +
                    first.next.arn + ")");
  if (!created) return internal_failure(created.error());
  return CreateTransformJobResponse{first.next.arn};
}

Result<TransformJob> TransformHandlers::load(const Context& context, const std::string& name) {
  auto found =
      transform_jobs().get(on_.store, transform_job_key(context.account(), context.region, name));
  if (!found) return internal_failure(found.error());
  if (!*found) return not_found(name);
  return std::move((*found)->record);
}

void TransformHandlers::describe(Context& context, const DescribeTransformJobRequest& request,
                                 Respond<DescribeTransformJobResponse> respond) {
  Result<TransformJob> job = load(context, request.transform_job_name);
  if (!job) return respond(std::unexpected(std::move(job).error()));
  if (is_terminal(*job)) return respond(describe_transform_job(*job));
  platform::hold_describe<TransformJob, DescribeTransformJobResponse>(
      on_.held, context,
      engine::record_id(kTransformJobMachine,
                        transform_job_key(job->account, job->region, job->name())),
      held_until(job->created, on_.clock.now()),
      {[this, &context, name = request.transform_job_name] { return load(context, name); },
       [](const TransformJob& now) { return !is_terminal(now); }, describe_transform_job},
      std::move(respond));
}

Result<ListTransformJobsResponse> TransformHandlers::list(Context& context,
                                                          const ListTransformJobsRequest& request) {
  auto listed = TRY(list_page(
      on_.store, transform_jobs(), list_request(context.account(), context.region, request),
      [&](const TransformJob& job) {
        return passes_filters(request, job.name(), job.created, job.modified, job.status);
      },
      summary));
  ListTransformJobsResponse response;
  response.transform_job_summaries = std::move(listed.items);
  response.next_token = std::move(listed.next_token);
  return response;
}

Result<api::Empty> TransformHandlers::stop(Context& context,
                                           const StopTransformJobRequest& request) {
  const std::string& name = request.transform_job_name;
  Result<bool> sent = on_.engine.send(kTransformJobMachine,
                                      transform_job_key(context.account(), context.region, name),
                                      {job_events::kStopRequested, {}});
  if (!sent && sent.error().code == codes::kNotFound) return not_found(name);
  if (!sent) return internal_failure(sent.error());
  if (*sent) return api::Empty{};
  const TransformJob job = TRY(load(context, name));
  if (!is_terminal(job)) return api::Empty{};  // it is stopping already
  return fail(
      "ValidationException",
      "The request was rejected because the transform job is in status " + job.status + ".");
}

}  // namespace tidemill::services::sagemaker::jobs
