#include "services/sagemaker/sagemaker_service.h"

#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/jobs/training_job/training_jobs.h"

namespace tidemill::services::sagemaker {

struct SagemakerService::Resources {
  explicit Resources(const Dependencies& dependencies) : training_jobs(dependencies) {}
  jobs::TrainingJobs training_jobs;
};

SagemakerService::SagemakerService(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      resources_(std::make_unique<Resources>(dependencies_)) {}

SagemakerService::~SagemakerService() = default;

std::vector<store::TableSpec> SagemakerService::tables() {
  return {jobs::training_jobs().spec(), resource_tags().spec()};
}

void SagemakerService::add_to(engine::Engine& engine) { resources_->training_jobs.add_to(engine); }

void SagemakerService::add_to(compute::JobListeners& listeners) {
  listeners.add(jobs::kComputeIdPrefix, resources_->training_jobs.listener());
}

void SagemakerService::add_to(Registry& registry) {
  resources_->training_jobs.add_to(registry);
  add_tag_operations(registry, dependencies_.store);
}

}  // namespace tidemill::services::sagemaker
