// Transform jobs, put together: the machine for the engine, the operations for the registry.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <stop_token>

#include "engine/engine.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/jobs/transform_job/batch_model.h"
#include "services/sagemaker/jobs/transform_job/transform_job.h"
#include "services/sagemaker/jobs/transform_job/transform_run.h"

namespace tidemill::services::sagemaker::jobs {

// Effects: what tasks do. Each may run again after a crash and then goes on.
class TransformTasks {
 public:
  TransformTasks(const Dependencies& dependencies, BatchModels& models)
      : on_(dependencies), models_(models) {}
  engine::TaskResult run(const TransformJob& job, const engine::TaskRun& run);
  const TransformCounters& counters() const { return counters_; }

 private:
  engine::TaskResult start(const TransformJob& job, const std::string& key);
  engine::TaskResult transform(const TransformJob& job, const engine::TaskRun& run);
  engine::TaskResult interrupt(const TransformJob& job, const std::string& key);
  engine::TaskResult clean_up(const TransformJob& job, const std::string& key);
  bool stop_requested(const std::string& key);

  const Dependencies& on_;
  BatchModels& models_;
  TransformCounters counters_;
  std::mutex mutex_;
  std::map<std::string, std::stop_source> running_;  // by the job's key; guarded by mutex_
  std::set<std::string> started_;  // jobs whose model this process has started; guarded by mutex_
};

class TransformHandlers {
 public:
  TransformHandlers(const Dependencies& dependencies, BatchModels& models)
      : on_(dependencies), models_(models) {}
  Result<api::sagemaker::CreateTransformJobResponse> create(
      Context& context, const api::sagemaker::CreateTransformJobRequest& request);
  // Waits a while for the job's end: clients poll every 5 to 60 seconds.
  void describe(Context& context, const api::sagemaker::DescribeTransformJobRequest& request,
                Respond<api::sagemaker::DescribeTransformJobResponse> respond);
  Result<api::sagemaker::ListTransformJobsResponse> list(
      Context& context, const api::sagemaker::ListTransformJobsRequest& request);
  Result<api::Empty> stop(Context& context, const api::sagemaker::StopTransformJobRequest& request);

 private:
  Result<TransformJob> load(const Context& context, const std::string& name);

  const Dependencies& on_;
  BatchModels& models_;
};

// The record as clients see it.
api::sagemaker::DescribeTransformJobResponse describe_transform_job(const TransformJob& job);

class TransformJobs {
 public:
  // Borrows both.
  TransformJobs(const Dependencies& dependencies, BatchModels& models)
      : dependencies_(dependencies),
        tasks_(dependencies_, models),
        handlers_(dependencies_, models) {}
  static std::vector<store::TableSpec> tables();
  void add_to(engine::Engine& engine);
  void add_to(Registry& registry);
  const TransformCounters& counters() const { return tasks_.counters(); }

 private:
  const Dependencies dependencies_;
  TransformTasks tasks_;
  TransformHandlers handlers_;
};

}  // namespace tidemill::services::sagemaker::jobs
