#include "services/sagemaker/jobs/transform_job/transitions.h"

#include "engine/transitions.h"
#include "services/sagemaker/common/state_change.h"
#include "services/sagemaker/jobs/transform_job/events.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

using Table = engine::Transitions<TransformJob, TransformPhase>;
using Next = Table::Next;
using Phase = TransformPhase;
namespace events = transform_events;
namespace tasks = transform_tasks;

engine::Task task(const char* type) { return {.type = type}; }

Next finish(TransformJob job, std::string status, Timestamp now) {
  job.phase = TransformPhase::over;
  job.status = std::move(status);
  job.modified = now;
  job.ended = now;
  return engine::Step<TransformJob>{std::move(job), {task(tasks::kCleanUp)}};
}

Next finish_failed(TransformJob job, const std::string& reason, Timestamp now) {
  if (job.stop_requested) return finish(std::move(job), "Stopped", now);
  job.failure_reason = reason;
  return finish(std::move(job), "Failed", now);
}

Next started(TransformJob job, const events::Started& start, Timestamp now) {
  job.model = start.model;
  job.progress.files = start.files;
  if (job.stop_requested) return finish(std::move(job), "Stopped", now);
  job.phase = TransformPhase::transforming;
  job.started = now;
  job.modified = now;
  return Next(engine::Step<TransformJob>{std::move(job), {task(tasks::kTransform)}});
}

Next transformed(TransformJob job, const events::Transformed& result, Timestamp now) {
  job.progress = result.progress;
  if (job.stop_requested) return finish(std::move(job), "Stopped", now);
  if (!result.failure_reason.empty())
    return finish_failed(std::move(job), result.failure_reason, now);
  return finish(std::move(job), "Completed", now);
}

Next model_changed(TransformJob job, const events::ModelChanged& event, Timestamp) {
  if (event.model.is_null()) return {};
  job.model = event.model;
  return engine::Step<TransformJob>{std::move(job), {}};
}

Next cleaned_up(TransformJob job, const events::CleanedUp&, Timestamp) {
  if (job.model.is_null()) return {};
  job.model = Value();
  return engine::Step<TransformJob>{std::move(job), {}};
}

Next stop_requested(TransformJob job, const events::StopRequested&, Timestamp now) {
  if (job.stop_requested) return {};
  job.stop_requested = true;
  job.status = "Stopping";
  job.modified = now;
  return engine::Step<TransformJob>{std::move(job), {task(tasks::kInterrupt)}};
}

Next failed(const TransformJob& job, const events::Failed& event, Timestamp now) {
  return finish_failed(job, event.reason, now);
}

// A task gave up after its retries: an error of ours.
Next task_failed(const TransformJob& job, const engine::TaskFailure& failure, Timestamp now) {
  const std::string& name = failure.task;
  if (name == tasks::kCleanUp || name == tasks::kInterrupt) return {};
  return finish_failed(
      job,
      "InternalServerError: The step " + name + " of the transform job failed: " + failure.message,
      now);
}

const Table& table() {
  static const auto kAlive = {Phase::starting, Phase::transforming};
  static const Table rows("a transform job", &TransformJob::phase,
                          {Table::on<events::Started>({Phase::starting}, &started),
                           Table::on<events::Transformed>({Phase::transforming}, &transformed),
                           Table::on<events::ModelChanged>(kAlive, &model_changed),
                           Table::on<events::CleanedUp>({Phase::over}, &cleaned_up),
                           Table::on<events::StopRequested>(kAlive, &stop_requested),
                           Table::on<events::Failed>(kAlive, &failed),
                           Table::on<engine::TaskFailure>(kAlive, &task_failed)});
  return rows;
}

engine::PublishedEvent told(const TransformJob& job, Timestamp now) {
  ValueObject detail;
  detail.append("TransformJobName", job.name());
  detail.append("TransformJobArn", job.arn);
  detail.append("TransformJobStatus", job.status);
  if (!job.failure_reason.empty()) detail.append("FailureReason", job.failure_reason);
  add_request(detail, to_value(job.request),
              {"ModelName", "MaxConcurrentTransforms", "MaxPayloadInMB", "BatchStrategy",
               "Environment", "TransformInput", "TransformOutput", "TransformResources"});
  detail.append("CreationTime", format_iso8601(job.created));
  if (job.started) detail.append("TransformStartTime", format_iso8601(*job.started));
  if (job.ended) detail.append("TransformEndTime", format_iso8601(*job.ended));
  return state_change_event(
      {"SageMaker Transform Job State Change", job.account, job.region, job.arn, now},
      std::move(detail));
}

}  // namespace

engine::Step<TransformJob> begin_transform_job(TransformJob job, Timestamp now) {
  job.created = now;
  job.modified = now;
  return {std::move(job), {task(tasks::kStart)}};
}

Result<Next> transform_job_transition(const TransformJob& job, const engine::Event& event,
                                      Timestamp now) {
  Next step = TRY(table()(job, event, now));
  if (step && step->next.status != job.status) step->published.push_back(told(step->next, now));
  return step;
}

}  // namespace tidemill::services::sagemaker::jobs
