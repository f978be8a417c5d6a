#include "base/log.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/jobs/job.h"
#include "services/sagemaker/jobs/training_job/channels.h"
#include "services/sagemaker/jobs/transform_job/input_files.h"
#include "services/sagemaker/jobs/transform_job/transform_jobs.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace events = transform_events;

constexpr const char* kDeploymentFailedCode = "DeploymentFailed";

}  // namespace

engine::TaskResult TransformTasks::run(const TransformJob& job, const engine::TaskRun& run) {
  namespace tasks = transform_tasks;
  if (run.type == tasks::kStart) return start(job, run.key);
  if (run.type == tasks::kTransform) return transform(job, run);
  if (run.type == tasks::kInterrupt) return interrupt(job, run.key);
  if (run.type == tasks::kCleanUp) return clean_up(job, run.key);
  return fail(codes::kInvalid, "a transform job knows no task " + run.type);
}

engine::TaskResult TransformTasks::start(const TransformJob& job, const std::string& key) {
  if (job.phase != TransformPhase::starting) return std::vector<engine::Event>();
  TransformStart started;
  started.model = job.model;
  // The transition ends a job that was stopped before it began.
  if (job.stop_requested) return one_event(events::kStarted, to_value(started));
  const auto role_s3 = on_.s3_as(role_use(job));
  s3::S3Interface& s3 = *role_s3;
  const S3Uri output = TRY(parse_s3_uri(job.request.transform_output->s3_output_path));
  // SageMaker asks itself, since writing needs no right of the role to list.
  if (!on_.s3_in_account(job.account, job.region)->bucket_exists(job.account, output.bucket))
    return failed_event("ClientError: The bucket of TransformOutput's S3OutputPath " +
                        job.request.transform_output->s3_output_path +
                        " does not exist or is another account's.");
  Result<std::int64_t> files = plan_input_files(on_.store, s3, job);
  if (!files && files.error().code == kClientError) return failed_event(files.error().message);
  if (!files) return fail(files.error());
  started.files = *files;
  Result<Value> model = models_.start(job);
  if (!model && model.error().code == kDeploymentFailedCode)
    return failed_event("AlgorithmError: " + model.error().message);
  if (!model) return fail(model.error());
  started.model = std::move(*model);
  std::lock_guard lock(mutex_);
  started_.insert(key);
  return one_event(events::kStarted, to_value(started));
}

bool TransformTasks::stop_requested(const std::string& key) {
  auto found = transform_jobs().get(on_.store, key);
  return found && *found && (*found)->record.stop_requested;
}

engine::TaskResult TransformTasks::transform(const TransformJob& job, const engine::TaskRun& run) {
  if (job.phase != TransformPhase::transforming) return std::vector<engine::Event>();
  TransformResult result;
  result.progress = job.progress;
  std::stop_source stopping;
  {
    std::lock_guard lock(mutex_);
    running_.insert_or_assign(run.key, stopping);
  }
  struct Running {
    TransformTasks& tasks;
    const std::string& key;
    explicit Running(TransformTasks& of, const std::string& name) : tasks(of), key(name) {
      ++tasks.counters_.jobs_running;
    }
    ~Running() {
      --tasks.counters_.jobs_running;
      std::lock_guard lock(tasks.mutex_);
      tasks.running_.erase(key);
    }
  } running(*this, run.key);
  // Looked up after the entry above: a stop from now on finds it.
  if (stop_requested(run.key)) return one_event(events::kTransformed, to_value(result));
  std::stop_callback server_stops(run.stop, [&stopping] { stopping.request_stop(); });
  bool fresh = false;
  {
    std::lock_guard lock(mutex_);
    fresh = started_.erase(run.key) > 0;
  }
  // After a restart of the server, a model that is gone is started again.
  TransformJob current = job;
  Result<Value> model = fresh ? Result<Value>(job.model) : models_.start(job);
  if (!model && model.error().code == kDeploymentFailedCode)
    return failed_event("AlgorithmError: " + model.error().message);
  if (!model) return fail(model.error());
  current.model = std::move(*model);
  std::unique_ptr<BatchModel> opened = TRY(models_.open(current));
  Result<TransformResult> done =
      TransformRun(on_, current, *opened, counters_, stopping.get_token()).run();
  if (!done && done.error().code == codes::kCancelled && !run.stop.stop_requested())
    return one_event(events::kTransformed, to_value(result));
  if (!done) return fail(done.error());
  // The model servers end before the job does, so that a job that is over has all its log lines.
  // The clean-up stops them again where this fails.
  if (Result<void> stopped = models_.stop(current); !stopped)
    log::warning("the models of a transform job could not be stopped yet",
                 {{"job", job.name()}, {"problem", stopped.error().message}});
  return one_event(events::kTransformed, to_value(*done));
}

// A model that is being started is stopped, which ends the wait for it.
engine::TaskResult TransformTasks::interrupt(const TransformJob& job, const std::string& key) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = running_.find(key); found != running_.end()) found->second.request_stop();
  }
  if (!is_terminal(job)) TRY(models_.stop(job));
  return std::vector<engine::Event>();
}

engine::TaskResult TransformTasks::clean_up(const TransformJob& job, const std::string& key) {
  {
    std::lock_guard lock(mutex_);
    started_.erase(key);
  }
  TRY(models_.stop(job));
  TRY(forget_input_files(on_.store, job));
  return one_event(events::kCleanedUp, Value());
}

}  // namespace tidemill::services::sagemaker::jobs
