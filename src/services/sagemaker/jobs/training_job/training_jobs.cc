#include "services/sagemaker/jobs/training_job/training_jobs.h"

#include "services/sagemaker/jobs/training_job/transitions.h"

namespace tidemill::services::sagemaker::jobs {

void TrainingJobs::add_to(engine::Engine& engine) {
  engine.add(engine::make_machine<TrainingJob>(
      kTrainingJobMachine, training_jobs(),
      [this](const TrainingJob& job, const engine::Event& event,
             Timestamp now) -> Result<std::optional<engine::Step<TrainingJob>>> {
        auto step = TRY(training_job_transition(job, event, now));
        if (step) count_training_time(step->next, durations_ ? durations_->now() : now);
        return step;
      },
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

}  // namespace tidemill::services::sagemaker::jobs
