#include "services/sagemaker/jobs/transform_job/transform_jobs.h"

#include "services/sagemaker/jobs/transform_job/transitions.h"

namespace tidemill::services::sagemaker::jobs {

std::vector<store::TableSpec> TransformJobs::tables() {
  return {transform_jobs().spec(), transform_files().spec()};
}

void TransformJobs::add_to(engine::Engine& engine) {
  engine::Machine machine = engine::make_machine<TransformJob>(
      kTransformJobMachine, transform_jobs(), transform_job_transition,
      [this](const TransformJob& job, const engine::TaskRun& run) { return tasks_.run(job, run); });
  // Transform blocks for as long as the job takes; Interrupt must not wait for it.
  machine.sequential_tasks = false;
  engine.add(std::move(machine));
}

void TransformJobs::add_to(Registry& registry) {
  using namespace api::sagemaker;
  registry.add<operations::CreateTransformJob>(handlers_, &TransformHandlers::create);
  registry.add<operations::DescribeTransformJob>(handlers_, &TransformHandlers::describe);
  registry.add<operations::ListTransformJobs>(handlers_, &TransformHandlers::list);
  registry.add<operations::StopTransformJob>(handlers_, &TransformHandlers::stop);
}

}  // namespace tidemill::services::sagemaker::jobs
