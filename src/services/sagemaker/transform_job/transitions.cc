#include "services/sagemaker/transform_job/transitions.h"

namespace tidemill::services::sagemaker {

namespace {

using engine::text_of;
using Next = std::optional<engine::Step<TransformJob>>;
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

Result<Next> started(TransformJob job, const engine::Event& event, Timestamp now) {
  if (job.phase != TransformPhase::starting) return Next();
  TransformStart start;
  TRY(from_value(event.payload, start));
  job.model = std::move(start.model);
  job.progress.files = start.files;
  if (job.stop_requested) return finish(std::move(job), "Stopped", now);
  job.phase = TransformPhase::transforming;
  job.started = now;
  job.modified = now;
  return Next(engine::Step<TransformJob>{std::move(job), {task(tasks::kTransform)}});
}

Result<Next> transformed(TransformJob job, const engine::Event& event, Timestamp now) {
  if (job.phase != TransformPhase::transforming) return Next();
  TransformResult result;
  TRY(from_value(event.payload, result));
  job.progress = result.progress;
  if (job.stop_requested) return finish(std::move(job), "Stopped", now);
  if (!result.failure_reason.empty())
    return finish_failed(std::move(job), result.failure_reason, now);
  return finish(std::move(job), "Completed", now);
}

Next model_changed(TransformJob job, const engine::Event& event) {
  const Value* model = event.payload.find("model");
  if (is_terminal(job) || !model) return {};
  job.model = *model;
  return engine::Step<TransformJob>{std::move(job), {}};
}

Next stop_requested(TransformJob job, Timestamp now) {
  if (is_terminal(job) || job.stop_requested) return {};
  job.stop_requested = true;
  job.status = "Stopping";
  job.modified = now;
  return engine::Step<TransformJob>{std::move(job), {task(tasks::kInterrupt)}};
}

// A task gave up after its retries: an error of ours.
Next task_failed(const TransformJob& job, const engine::Event& event, Timestamp now) {
  const std::string name = text_of(event.payload, "task");
  if (is_terminal(job) || name == tasks::kCleanUp || name == tasks::kInterrupt) return {};
  return finish_failed(job,
                       "InternalServerError: The step " + name +
                           " of the transform job failed: " + text_of(event.payload, "message"),
                       now);
}

}  // namespace

engine::Step<TransformJob> begin_transform_job(TransformJob job, Timestamp now) {
  job.created = now;
  job.modified = now;
  return {std::move(job), {task(tasks::kStart)}};
}

Result<Next> transform_job_transition(const TransformJob& job, const engine::Event& event,
                                      Timestamp now) {
  if (event.type == events::kStarted) return started(job, event, now);
  if (event.type == events::kTransformed) return transformed(job, event, now);
  if (event.type == events::kModelChanged) return model_changed(job, event);
  if (event.type == events::kStopRequested) return stop_requested(job, now);
  if (event.type == events::kTaskFailed) return task_failed(job, event, now);
  if (event.type == events::kFailed) {
    if (is_terminal(job)) return Next();
    return finish_failed(job, text_of(event.payload, "reason"), now);
  }
  return fail(codes::kInvalid, "a transform job knows no event " + event.type);
}

}  // namespace tidemill::services::sagemaker
