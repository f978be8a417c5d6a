#include "services/sagemaker/jobs_district.h"

#include "compute/job_listeners.h"
#include "services/sagemaker/jobs/training_job/job_counts.h"
#include "services/sagemaker/jobs/transform_job/batch_invocation.h"
#include "services/sagemaker/jobs/transform_job/fleet_models.h"
#include "services/sagemaker/jobs/transform_job/transform_jobs.h"

namespace tidemill::services::sagemaker::jobs {

struct Jobs::Parts {
  Parts(const Dependencies& on, platform::Platform& platform, hosting::FleetRunner& fleets,
        sagemaker_runtime::InferenceInterface& inference)
      : training_counts(on.store),
        models(
            on, fleets, platform.use<sagemaker_runtime::RoutingTable>(),
            [&inference](const hosting::ServerAddress& address) { return inference.ping(address); },
            batch_invocation(inference, platform.loops)),
        transform_jobs(on, models) {}

  TrainingJobCounts training_counts;
  FleetModels models;
  TransformJobs transform_jobs;
};

Jobs::Jobs(const Dependencies& dependencies, platform::Platform& platform,
           hosting::FleetRunner& fleets)
    : parts_(std::make_unique<Parts>(dependencies, platform, fleets,
                                     platform.use<sagemaker_runtime::InferenceInterface>())) {
  parts_->training_counts.add_to(platform.outbox);
  parts_->training_counts.add_to(platform.metrics);
  parts_->transform_jobs.add_to(platform.engine);
  parts_->transform_jobs.add_to(platform.handlers);
  parts_->transform_jobs.counters().add_to(platform.metrics);
  platform.jobs.add(kTransformServerPrefix, parts_->models);
}

Jobs::~Jobs() = default;

std::vector<store::TableSpec> Jobs::tables() { return TransformJobs::tables(); }

}  // namespace tidemill::services::sagemaker::jobs
