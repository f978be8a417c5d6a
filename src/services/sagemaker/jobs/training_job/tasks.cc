#include "base/log.h"
#include "services/sagemaker/common/failure_text.h"
#include "services/sagemaker/common/job_log.h"
#include "services/sagemaker/common/role_environment.h"
#include "services/sagemaker/common/stoppable.h"
#include "services/sagemaker/jobs/job.h"
#include "services/sagemaker/jobs/training_job/artifacts.h"
#include "services/sagemaker/jobs/training_job/channels.h"
#include "services/sagemaker/jobs/training_job/job_folder.h"
#include "services/sagemaker/jobs/training_job/metrics.h"
#include "services/sagemaker/jobs/training_job/training_jobs.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace events = training_events;

// A stopped job's upload that is nearly done is finished.
constexpr std::chrono::seconds kUploadGrace{5};
// Limit on the bytes of the log that are read for metrics and the reason of a failure.
constexpr std::size_t kLogBytesRead = 64u << 20;

std::vector<engine::Event> job_exited_event(const TrainingJob& job, const compute::JobExit& exit) {
  ValueObject payload;
  payload.append("compute_id", compute_id(job));
  payload.append("exit", to_value(exit));
  return one_event(events::kJobExited, std::move(payload));
}

// S3's answers that no retry will change are the user's to mend.
bool is_users_fault(const Error& error) {
  return error.code == kClientError || error.code == "NoSuchBucket" ||
         error.code == "AccessDenied" || error.code == "NoSuchKey" ||
         error.code == "EntityTooLarge";
}

}  // namespace

engine::TaskResult TrainingTasks::run(const TrainingJob& job, const engine::TaskRun& run) {
  namespace tasks = training_tasks;
  if (run.type == tasks::kPrepare) return prepare(job);
  if (run.type == tasks::kDownload) return download(job, run);
  if (run.type == tasks::kLaunch) return launch(job);
  if (run.type == tasks::kMaxRuntime) return one_event(events::kMaxRuntimeReached, run.payload);
  if (run.type == tasks::kWatch) return watch(job, run.payload);
  if (run.type == tasks::kStop) return stop(job);
  if (run.type == tasks::kUpload) return upload(job, run);
  if (run.type == tasks::kCleanUp) return clean_up(job);
  return fail(codes::kInvalid, "a training job knows no task " + run.type);
}

engine::TaskResult TrainingTasks::prepare(const TrainingJob& job) {
  if (job.phase != TrainingPhase::preparing) return std::vector<engine::Event>();
  compute::Volumes& volumes = on_.compute.volumes();
  TRY(make_job_folder(volumes, job_folder(volumes, job), job));
  return one_event(events::kPrepared);
}

// Whether the record says so, or is gone.
std::function<bool()> TrainingTasks::record_says(const TrainingJob& job,
                                                 bool TrainingJob::* stopped) const {
  return [this, stopped, key = training_job_key(job.account, job.region, job.name())] {
    auto found = training_jobs().get(on_.store, key);
    return found && (!*found || (*found)->record.*stopped);
  };
}

engine::TaskResult TrainingTasks::download(const TrainingJob& job, const engine::TaskRun& run) {
  if (job.phase != TrainingPhase::downloading) return std::vector<engine::Event>();
  const JobFolder folder = job_folder(on_.compute.volumes(), job);
  platform::StopCheck stop(run.stop, record_says(job, &TrainingJob::stop_requested));
  const auto stopped = [&stop] { return stop.stopped(); };
  const auto role_s3 = on_.s3_as(role_use(job));
  StoppableS3 s3(*role_s3, stop);
  Result<void> done = download_channels(s3, job, folder, stopped);
  if (done) done = restore_checkpoints(s3, job, folder, stopped);
  // The server ends; the next one begins anew.
  if (!done && run.stop.stop_requested()) return fail(codes::kCancelled, "the server stops");
  // The transition ends a job that was stopped meanwhile.
  if (done || done.error().code == codes::kCancelled) return one_event(events::kDownloaded);
  if (done.error().code == kClientError) return failed_event(done.error().message);
  if (is_users_fault(done.error()))
    return failed_event("ClientError: Data download failed: " + done.error().message);
  return fail(done.error());
}

engine::TaskResult TrainingTasks::launch(const TrainingJob& job) {
  if (job.phase != TrainingPhase::training) return std::vector<engine::Event>();
  if (job.status == "Stopping") {
    // Stopped before it began: say that it is over, unless it does run.
    const compute::JobStatus status = TRY(on_.compute.observe(compute_id(job)));
    if (status.has_started()) return std::vector<engine::Event>();
    compute::JobExit exit;
    exit.stop_requested = true;
    exit.started = exit.ended = on_.clock.now();
    return job_exited_event(job, exit);
  }
  const JobNetwork network = job_network(on_.settings, on_.compute.isolation(),
                                         job.request.enable_network_isolation.value_or(false));
  Result<std::map<std::string, std::string>> credentials =
      role_environment(on_.iam, network.credentials_url,
                       {compute_id(job), job.request.role_arn, kRoleSessionName, job.created});
  if (!credentials && !credentials.error().code.starts_with("Tidemill."))
    return failed_event("ClientError: The credentials of the role could not be issued: " +
                        credentials.error().message);
  if (!credentials) return fail(credentials.error());
  const JobFolder folder = job_folder(on_.compute.volumes(), job);
  TRY(on_.compute.volumes().publish(folder.ml_volume()));
  TRY(on_.compute.volumes().publish(folder.home_volume()));
  TRY(on_.compute.run(job_spec(job, folder, {network, *std::move(credentials)})));
  return std::vector<engine::Event>();
}

engine::TaskResult TrainingTasks::watch(const TrainingJob& job, const Value& payload) {
  if (job.phase != TrainingPhase::training) return std::vector<engine::Event>();
  compute::JobStatus status = TRY(on_.compute.observe(compute_id(job)));
  if (status.state == compute::JobState::running) return one_event(events::kStillRunning, payload);
  if (!status.exit) {
    status.exit.emplace();
    status.exit->reason = "The machine lost the job, perhaps in a power cut.";
    status.exit->started = status.exit->ended = on_.clock.now();
  }
  return job_exited_event(job, *status.exit);
}

engine::TaskResult TrainingTasks::stop(const TrainingJob& job) {
  if (job.phase != TrainingPhase::training) return std::vector<engine::Event>();
  Result<void> stopped = on_.compute.stop(compute_id(job), std::chrono::seconds(kStopGraceSeconds));
  // There is no such job yet: either it is about to be launched and this is tried again, or Launch
  // sees the stop.
  if (!stopped) return fail(stopped.error());
  return std::vector<engine::Event>();
}

engine::TaskResult TrainingTasks::upload(const TrainingJob& job, const engine::TaskRun& run) {
  if (job.phase != TrainingPhase::uploading) return std::vector<engine::Event>();
  // The job is over, and with it whatever it fetched.
  TRY(on_.iam.revoke_role(compute_id(job)));
  compute::JobExit exit;
  if (const Value* value = run.payload.find("exit")) TRY(from_value(*value, exit));
  const JobFolder folder = job_folder(on_.compute.volumes(), job);
  TRY(on_.compute.volumes().collect(folder.ml_volume()));
  compute::LogTail log;
  if (Result<compute::LogTail> read = on_.compute.log_tail(compute_id(job), kLogBytesRead); read)
    log = *std::move(read);
  TrainingResult result;
  result.failure_reason = hide_server_paths(failure_reason(job, folder, exit, log.text),
                                            folder.ml(), on_.settings.programs);
  result.metrics = final_metrics(metric_definitions(job), log, exit.ended);
  platform::StopCheck stop(run.stop, record_says(job, &TrainingJob::upload_stopped), kUploadGrace);
  const auto role_s3 = on_.s3_as(role_use(job));
  StoppableS3 s3(*role_s3, stop);
  Result<std::string> model =
      upload_artifacts(s3, job, folder, result.failure_reason.empty(), stop);
  if (!model && stop.stopped()) {
    if (run.stop.stop_requested()) return fail(codes::kCancelled, "the server stops");
    return one_event(events::kUploaded, to_value(result));  // a stopped job, without its artifacts
  }
  if (!model && !is_users_fault(model.error())) return fail(model.error());
  if (model) {
    result.model_artifacts = *model;
  } else if (model.error().code == kClientError && result.failure_reason.empty()) {
    result.failure_reason = "ClientError: Artifact upload failed: " + model.error().message;
  } else if (result.failure_reason.empty()) {
    std::string why = model.error().message;
    if (!why.ends_with('.')) why += '.';
    result.failure_reason = "ClientError: Artifact upload failed: " + model.error().code + ": " +
                            why + " Check OutputDataConfig's S3OutputPath " +
                            job.request.output_data_config->s3_output_path + ".";
  }
  return one_event(events::kUploaded, to_value(result));
}

engine::TaskResult TrainingTasks::clean_up(const TrainingJob& job) {
  TRY(remove_job_files(on_, job));
  return std::vector<engine::Event>();
}

Result<void> remove_job_files(const Dependencies& on, const TrainingJob& job) {
  Result<void> removed = on.compute.remove(compute_id(job));
  if (!removed && removed.error().code == codes::kConflict) {
    // The job failed while it ran (a step of ours gave up): it must not go on.
    (void)on.compute.stop(compute_id(job), std::chrono::seconds(0));
  }
  if (!removed) return fail(removed.error());
  TRY(on.iam.revoke_role(compute_id(job)));
  return on.compute.volumes().remove(job_folder(on.compute.volumes(), job).name);
}

void TrainingListener::job_exited(const std::string& id, const compute::JobExit& exit) {
  Result<ComputeId> whose = parse_compute_id(id);
  if (!whose) return;
  ValueObject payload;
  payload.append("compute_id", id);
  payload.append("exit", to_value(exit));
  Result<bool> sent = on_.engine.send(kTrainingJobMachine,
                                      training_job_key(whose->account, whose->region, whose->name),
                                      {training_events::kJobExited, std::move(payload)});
  if (sent) return;
  if (sent.error().code == codes::kNotFound) {
    (void)on_.compute.remove(id);  // the record was deleted meanwhile
    return;
  }
  // The Watch task finds it later; compute/ also reports it again when the server starts.
  log::error("a training job's exit could not be recorded",
             {{"job", id}, {"problem", sent.error().message}});
}

bool TrainingListener::job_logged(const std::string& id,
                                  const std::vector<compute::LogLine>& lines) {
  Result<ComputeId> whose = parse_compute_id(id);
  if (!whose) return true;
  return keep_lines(
      on_.logs,
      {whose->account, whose->region, kTrainingLogGroup, log_stream(whose->name, whose->created)},
      lines, LogSource::one_job);
}

}  // namespace tidemill::services::sagemaker::jobs
