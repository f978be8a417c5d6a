#include "base/log.h"
#include "services/sagemaker/common/job_network.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/jobs/job.h"
#include "services/sagemaker/jobs/training_job/rules.h"
#include "services/sagemaker/jobs/training_job/training_jobs.h"
#include "services/sagemaker/jobs/training_job/transitions.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

using namespace api::sagemaker;

std::unexpected<Error> not_found() {
  return fail("ValidationException", "Requested resource not found.");
}

TrainingJobSummary summary(const TrainingJob& job) {
  TrainingJobSummary out;
  out.training_job_name = job.name();
  out.training_job_arn = job.arn;
  out.creation_time = job.created;
  out.training_end_time = job.training_ended;
  out.last_modified_time = job.modified;
  out.training_job_status = job.status;
  out.secondary_status = job.secondary_status;
  return out;
}

}  // namespace

Result<CreateTrainingJobResponse> TrainingHandlers::create(
    Context& context, const CreateTrainingJobRequest& request) {
  TRY(check_training_request(request, on_.settings.programs));
  TRY(check_network_isolation(request.enable_network_isolation.value_or(false),
                              on_.compute.isolation()));
  const std::vector<Tag> tags = request.tags.value_or(std::vector<Tag>());
  TRY(check_tags(tags));
  TrainingJob job;
  job.account = context.account();
  job.region = context.region;
  job.arn = job_arn(context, "training-job", request.training_job_name);
  TRY(on_.iam.check_pass_role(context, request.role_arn, kServicePrincipal, {job.arn}));
  job.request = request;
  auto first = begin_training_job(std::move(job), on_.clock.now());
  store::Transaction transaction;
  put_tags_of_new(transaction, first.next.arn, tags);
  Result<void> created = on_.engine.create(
      kTrainingJobMachine,
      training_job_key(context.account(), context.region, request.training_job_name),
      to_json(training_jobs().checked(request.training_job_name, first.next)),
      training_jobs().index_keys(first.next), std::move(first.tasks), std::move(transaction));
  if (!created && created.error().code == codes::kConflict)
    return fail(errors::kResourceInUse,
                "Training job names must be unique within an AWS account and region, and a "
                "training job with this name already exists (" +
                    first.next.arn + ")");
  if (!created) return internal_failure(created.error());
  return CreateTrainingJobResponse{first.next.arn};
}

Result<TrainingJob> TrainingHandlers::load(const Context& context, const std::string& name) {
  auto found =
      training_jobs().get(on_.store, training_job_key(context.account(), context.region, name));
  if (!found) return internal_failure(found.error());
  if (!*found) return not_found();
  return std::move((*found)->record);
}

void TrainingHandlers::describe(Context& context, const DescribeTrainingJobRequest& request,
                                Respond<DescribeTrainingJobResponse> respond) {
  Result<TrainingJob> job = load(context, request.training_job_name);
  if (!job) return respond(std::unexpected(std::move(job).error()));
  if (is_terminal(*job)) return respond(describe_training_job(*job, on_.clock.now()));
  platform::hold_describe<TrainingJob, DescribeTrainingJobResponse>(
      on_.held, context,
      engine::record_id(kTrainingJobMachine,
                        training_job_key(job->account, job->region, job->name())),
      held_until(job->created, on_.clock.now()),
      {[this, &context, name = request.training_job_name] { return load(context, name); },
       [](const TrainingJob& now) { return !is_terminal(now); },
       [this](const TrainingJob& now) { return describe_training_job(now, on_.clock.now()); }},
      std::move(respond));
}

Result<ListTrainingJobsResponse> TrainingHandlers::list(Context& context,
                                                        const ListTrainingJobsRequest& request) {
  if (request.warm_pool_status_equals || request.training_plan_arn_equals)
    return ListTrainingJobsResponse{};  // there are no warm pools and no training plans
  auto listed = TRY(list_page(
      on_.store, training_jobs(), list_request(context.account(), context.region, request),
      [&](const TrainingJob& job) {
        return passes_filters(request, job.name(), job.created, job.modified, job.status);
      },
      summary));
  ListTrainingJobsResponse response;
  response.training_job_summaries = std::move(listed.items);
  response.next_token = std::move(listed.next_token);
  return response;
}

Result<api::Empty> TrainingHandlers::stop(Context& context, const StopTrainingJobRequest& request) {
  Result<bool> sent = on_.engine.send(
      kTrainingJobMachine,
      training_job_key(context.account(), context.region, request.training_job_name),
      {job_events::kStopRequested, {}});
  if (!sent && sent.error().code == codes::kNotFound) return not_found();
  if (!sent) return internal_failure(sent.error());
  if (*sent) return api::Empty{};
  const TrainingJob job = TRY(load(context, request.training_job_name));
  if (!is_terminal(job)) return api::Empty{};  // it is stopping already
  return fail("ValidationException",
              "The request was rejected because the training job is in status " + job.status + ".");
}

Result<api::Empty> TrainingHandlers::erase(Context& context,
                                           const DeleteTrainingJobRequest& request) {
  const TrainingJob job = TRY(load(context, request.training_job_name));
  if (!is_terminal(job))
    return fail(errors::kResourceInUse, "The training job " + job.name() + " is in status " +
                                            job.status + "; stop it before deleting it.");
  // Usually gone already; with the record its clean-up task goes too.
  if (Result<void> removed = remove_job_files(on_, job); !removed)
    return internal_failure(removed.error());
  store::Transaction transaction;
  erase_tags(transaction, job.arn);
  Result<void> erased =
      on_.engine.erase(kTrainingJobMachine, training_job_key(job.account, job.region, job.name()),
                       std::move(transaction));
  if (!erased) return internal_failure(erased.error());
  return api::Empty{};
}

}  // namespace tidemill::services::sagemaker::jobs
