// Training jobs, put together: the machine for the engine, the operations for the registry, the
// listener for compute/.
#pragma once

#include "compute/compute.h"
#include "engine/engine.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/jobs/training_job/training_job.h"

namespace tidemill::services::sagemaker::jobs {

// Effects: what tasks do. Each may run again after a crash and then does no harm.
class TrainingTasks {
 public:
  explicit TrainingTasks(const Dependencies& dependencies) : on_(dependencies) {}
  engine::TaskResult run(const TrainingJob& job, const engine::TaskRun& run);

 private:
  engine::TaskResult prepare(const TrainingJob& job);
  engine::TaskResult download(const TrainingJob& job, const engine::TaskRun& run);
  engine::TaskResult launch(const TrainingJob& job);
  engine::TaskResult watch(const TrainingJob& job, const Value& payload);
  engine::TaskResult stop(const TrainingJob& job);
  engine::TaskResult upload(const TrainingJob& job, const engine::TaskRun& run);
  engine::TaskResult clean_up(const TrainingJob& job);
  std::function<bool()> record_says(const TrainingJob& job, bool TrainingJob::* stopped) const;

  const Dependencies& on_;
};

// Removes what an ended job left in compute/ and on the disk. Idempotent.
Result<void> remove_job_files(const Dependencies& on, const TrainingJob& job);

// Passes log lines to CloudWatch Logs and exits to the engine.
class TrainingListener final : public compute::JobListener {
 public:
  explicit TrainingListener(const Dependencies& dependencies) : on_(dependencies) {}
  void job_exited(const std::string& id, const compute::JobExit& exit) override;
  bool job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) override;

 private:
  const Dependencies& on_;
};

class TrainingHandlers {
 public:
  explicit TrainingHandlers(const Dependencies& dependencies) : on_(dependencies) {}
  Result<api::sagemaker::CreateTrainingJobResponse> create(
      Context& context, const api::sagemaker::CreateTrainingJobRequest& request);
  // Waits a while for the job's end: clients poll every 5 to 60 seconds.
  void describe(Context& context, const api::sagemaker::DescribeTrainingJobRequest& request,
                Respond<api::sagemaker::DescribeTrainingJobResponse> respond);
  Result<api::sagemaker::ListTrainingJobsResponse> list(
      Context& context, const api::sagemaker::ListTrainingJobsRequest& request);
  Result<api::Empty> stop(Context& context, const api::sagemaker::StopTrainingJobRequest& request);
  Result<api::Empty> erase(Context& context,
                           const api::sagemaker::DeleteTrainingJobRequest& request);

 private:
  Result<TrainingJob> load(const Context& context, const std::string& name);

  const Dependencies& on_;
};

// The record as clients see it.
api::sagemaker::DescribeTrainingJobResponse describe_training_job(const TrainingJob& job,
                                                                  Timestamp now);

class TrainingJobs {
 public:
  // `dependencies` outlives this.
  explicit TrainingJobs(const Dependencies& dependencies)
      : durations_(dependencies.durations),
        tasks_(dependencies),
        listener_(dependencies),
        handlers_(dependencies) {}
  void add_to(engine::Engine& engine);
  void add_to(Registry& registry);
  compute::JobListener& listener() { return listener_; }

 private:
  const Clock* durations_;
  TrainingTasks tasks_;
  TrainingListener listener_;
  TrainingHandlers handlers_;
};

}  // namespace tidemill::services::sagemaker::jobs
