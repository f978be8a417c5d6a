#include "services/sagemaker/jobs/training_job/transitions.h"

#include <algorithm>

#include "engine/transitions.h"
#include "services/sagemaker/common/state_change.h"
#include "services/sagemaker/jobs/training_job/events.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

using Table = engine::Transitions<TrainingJob, TrainingPhase>;
using Next = Table::Next;
using Phase = TrainingPhase;
namespace events = training_events;
namespace tasks = training_tasks;

void enter(TrainingJob& job, std::string secondary_status, std::string message, Timestamp now) {
  if (!job.transitions.empty() && !job.transitions.back().ended) job.transitions.back().ended = now;
  job.secondary_status = secondary_status;
  job.transitions.push_back({std::move(secondary_status), std::move(message), now, {}});
  job.modified = now;
}

engine::Task task(const char* type, Value payload = {}) {
  return {.type = type, .payload = std::move(payload)};
}

Value with_compute_id(const TrainingJob& job) {
  ValueObject payload;
  payload.append("compute_id", compute_id(job));
  return payload;
}

engine::Task watch_later(const TrainingJob& job) {
  engine::Task watch = task(tasks::kWatch, with_compute_id(job));
  watch.delay = std::chrono::seconds(kWatchSeconds);
  return watch;
}

// The end of the job in whatever state.
Next finish(TrainingJob job, std::string status, std::string secondary_status, std::string message,
            Timestamp now) {
  job.phase = TrainingPhase::over;
  job.status = std::move(status);
  enter(job, std::move(secondary_status), std::move(message), now);
  job.transitions.back().ended = now;
  job.training_ended = now;
  return engine::Step<TrainingJob>{std::move(job), {task(tasks::kCleanUp)}};
}

Next finish_failed(TrainingJob job, std::string reason, Timestamp now) {
  job.failure_reason = std::move(reason);
  return finish(std::move(job), "Failed", "Failed", "Training job failed", now);
}

Next finish_stopped(TrainingJob job, Timestamp now) {
  if (job.max_runtime_exceeded)
    return finish(std::move(job), "Stopped", "MaxRuntimeExceeded",
                  "Training job runtime exceeded MaxRuntimeInSeconds provided", now);
  return finish(std::move(job), "Stopped", "Stopped", "Training job stopped", now);
}

// Tasks and exits of an earlier job of the same name do not count.
template <class E>
bool is_of_this_job(const TrainingJob& job, const E& event) {
  return event.compute_id == compute_id(job);
}

Next prepared(TrainingJob job, const events::Prepared&, Timestamp now) {
  if (job.stop_requested) return finish_stopped(std::move(job), now);
  job.phase = TrainingPhase::downloading;
  job.training_started = now;
  enter(job, "Downloading", "Downloading input data", now);
  return engine::Step<TrainingJob>{std::move(job), {task(tasks::kDownload)}};
}

Next downloaded(TrainingJob job, const events::Downloaded&, Timestamp now) {
  if (job.stop_requested) return finish_stopped(std::move(job), now);
  job.phase = TrainingPhase::training;
  enter(job, "Training", "Training image download completed. Training in progress.", now);
  constexpr std::int64_t kMaxRuntimeDefaultSeconds = 86'400;
  std::int64_t seconds = kMaxRuntimeDefaultSeconds;
  if (job.request.stopping_condition)
    seconds = job.request.stopping_condition->max_runtime_in_seconds.value_or(seconds);
  engine::Task timer = task(tasks::kMaxRuntime, with_compute_id(job));
  timer.delay = std::chrono::seconds(seconds);
  engine::Task watch = watch_later(job);
  return engine::Step<TrainingJob>{std::move(job),
                                   {task(tasks::kLaunch), std::move(timer), std::move(watch)}};
}

Next still_running(TrainingJob job, const events::StillRunning& event, Timestamp) {
  if (!is_of_this_job(job, event)) return {};
  engine::Task watch = watch_later(job);
  return engine::Step<TrainingJob>{std::move(job), {std::move(watch)}};
}

Next exited(TrainingJob job, const events::JobExited& event, Timestamp now) {
  if (!is_of_this_job(job, event)) return {};
  job.phase = TrainingPhase::uploading;
  enter(job, "Uploading", "Uploading generated training model", now);
  return engine::Step<TrainingJob>{std::move(job),
                                   {task(tasks::kUpload, engine::event_of(event).payload)}};
}

Next uploaded(TrainingJob job, const events::Uploaded& result, Timestamp now) {
  job.model_artifacts = result.model_artifacts;
  job.metrics = result.metrics;
  if (job.stop_requested || job.max_runtime_exceeded) return finish_stopped(std::move(job), now);
  if (!result.failure_reason.empty())
    return finish_failed(std::move(job), result.failure_reason, now);
  return finish(std::move(job), "Completed", "Completed", "Training job completed", now);
}

Next stop(TrainingJob job, Timestamp now) {
  // A job that is stopping already may be stopped once more while it uploads, to end that, too.
  const bool uploading = job.phase == TrainingPhase::uploading && !job.upload_stopped;
  if (is_terminal(job) || (job.status == "Stopping" && !uploading)) return {};
  job.upload_stopped = uploading;
  job.status = "Stopping";
  std::vector<engine::Task> next;
  if (job.phase == TrainingPhase::training) next.push_back(task(tasks::kStop));
  // The running task ends first; an upload sees it and ends soon.
  if (job.phase != TrainingPhase::uploading)
    enter(job, "Stopping", "Stopping the training job", now);
  job.modified = now;
  return engine::Step<TrainingJob>{std::move(job), std::move(next)};
}

Next stop_requested(TrainingJob job, const events::StopRequested&, Timestamp now) {
  job.stop_requested = true;
  return stop(std::move(job), now);
}

Next max_runtime_reached(TrainingJob job, const events::MaxRuntimeReached& event, Timestamp now) {
  if (job.stop_requested || !is_of_this_job(job, event)) return {};
  job.max_runtime_exceeded = true;
  return stop(std::move(job), now);
}

Next failed(const TrainingJob& job, const events::Failed& event, Timestamp now) {
  if (job.stop_requested) return finish_stopped(job, now);
  return finish_failed(job, event.reason, now);
}

// A task gave up after its retries: an error of ours, not of the algorithm.
Next task_failed(const TrainingJob& job, const engine::TaskFailure& failure, Timestamp now) {
  const std::string& name = failure.task;
  if (name == tasks::kCleanUp || name == tasks::kMaxRuntime || name == tasks::kWatch) return {};
  // The job ran on or is over: its exit decides.
  if (name == tasks::kStop) return {};
  return finish_failed(
      job,
      "InternalServerError: The step " + name + " of the training job failed: " + failure.message,
      now);
}

const Table& table() {
  static const auto kAlive = {Phase::preparing, Phase::downloading, Phase::training,
                              Phase::uploading};
  static const Table rows(
      "a training job", &TrainingJob::phase,
      {Table::on<events::Prepared>({Phase::preparing}, &prepared),
       Table::on<events::Downloaded>({Phase::downloading}, &downloaded),
       Table::on<events::JobExited>({Phase::training}, &exited),
       Table::on<events::StillRunning>({Phase::training}, &still_running),
       Table::on<events::MaxRuntimeReached>({Phase::training}, &max_runtime_reached),
       Table::on<events::Uploaded>({Phase::uploading}, &uploaded),
       Table::on<events::StopRequested>(kAlive, &stop_requested),
       Table::on<events::Failed>(kAlive, &failed),
       Table::on<engine::TaskFailure>(kAlive, &task_failed)});
  return rows;
}

// Times are milliseconds as text in this event, and in no other.
Value event_time(Timestamp time) { return std::to_string(milliseconds_of(time)); }

engine::PublishedEvent told(const TrainingJob& job, Timestamp now) {
  ValueObject detail;
  detail.append("TrainingJobName", job.name());
  detail.append("TrainingJobArn", job.arn);
  detail.append("TrainingJobStatus", job.status);
  detail.append("SecondaryStatus", job.secondary_status);
  if (!job.failure_reason.empty()) detail.append("FailureReason", job.failure_reason);
  add_request(detail, to_value(job.request),
              {"HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig",
               "OutputDataConfig", "ResourceConfig", "VpcConfig", "StoppingCondition"});
  detail.append("CreationTime", event_time(job.created));
  if (job.training_started) detail.append("TrainingStartTime", event_time(*job.training_started));
  if (job.training_ended) detail.append("TrainingEndTime", event_time(*job.training_ended));
  detail.append("LastModifiedTime", event_time(job.modified));
  ValueList transitions;
  for (const TrainingTransition& each : job.transitions) {
    ValueObject one;
    one.append("Status", each.status);
    one.append("StartTime", event_time(each.started));
    if (each.ended) one.append("EndTime", event_time(*each.ended));
    one.append("StatusMessage", each.message);
    transitions.emplace_back(std::move(one));
  }
  detail.append("SecondaryStatusTransitions", std::move(transitions));
  return state_change_event({kTrainingStateChange, job.account, job.region, job.arn, now},
                            std::move(detail));
}

}  // namespace

engine::Step<TrainingJob> begin_training_job(TrainingJob job, Timestamp now) {
  job.created = now;
  enter(job, "Starting", "Starting the training job", now);
  return {std::move(job), {task(tasks::kPrepare)}};
}

void count_training_time(TrainingJob& job, Timestamp counted) {
  if (job.phase == TrainingPhase::downloading && !job.counted_from) job.counted_from = counted;
  if (is_terminal(job) && job.counted_from && !job.training_microseconds)
    job.training_microseconds = std::max<std::int64_t>(0, (counted - *job.counted_from).count());
}

Result<Next> training_job_transition(const TrainingJob& job, const engine::Event& event,
                                     Timestamp now) {
  Next step = TRY(table()(job, event, now));
  if (step &&
      (step->next.status != job.status || step->next.secondary_status != job.secondary_status))
    step->published.push_back(told(step->next, now));
  return step;
}

}  // namespace tidemill::services::sagemaker::jobs
