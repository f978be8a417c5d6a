#include "services/sagemaker/training_job/training_jobs.h"

#include "services/sagemaker/training_job/transitions.h"

namespace tidemill::services::sagemaker {

void TrainingJobs::add_to(engine::Engine& engine) {
  engine.add(engine::make_machine<TrainingJob>(
      kTrainingJobMachine, training_jobs(), training_job_transition,
      [this](const TrainingJob& job, const engine::TaskRun& run) { return tasks_.run(job, run); }));
}

void TrainingJobs::add_to(Registry& registry) {
  using namespace api::sagemaker;
  registry.add<operations::CreateTrainingJob>(handlers_, &TrainingHandlers::create);
  registry.add<operations::DescribeTrainingJob>(handlers_, &TrainingHandlers::describe);
  registry.add<operations::ListTrainingJobs>(handlers_, &TrainingHandlers::list);
  registry.add<operations::StopTrainingJob>(handlers_, &TrainingHandlers::stop);
  registry.add<operations::DeleteTrainingJob>(handlers_, &TrainingHandlers::erase);
}

}  // namespace tidemill::services::sagemaker
