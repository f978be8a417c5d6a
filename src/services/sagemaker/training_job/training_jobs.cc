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
  registry.add<operations::CreateTrainingJob>(
      [this](Context& context, const CreateTrainingJobRequest& request) {
        return handlers_.create(context, request);
      });
  registry.add<operations::DescribeTrainingJob>(
      [this](Context& context, const DescribeTrainingJobRequest& request) {
        return handlers_.describe(context, request);
      });
  registry.add<operations::ListTrainingJobs>(
      [this](Context& context, const ListTrainingJobsRequest& request) {
        return handlers_.list(context, request);
      });
  registry.add<operations::StopTrainingJob>(
      [this](Context& context, const StopTrainingJobRequest& request) {
        return handlers_.stop(context, request);
      });
  registry.add<operations::DeleteTrainingJob>(
      [this](Context& context, const DeleteTrainingJobRequest& request) {
        return handlers_.erase(context, request);
      });
}

}  // namespace tidemill::services::sagemaker
