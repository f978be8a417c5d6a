#include "services/sagemaker/transform_job/transform_jobs.h"

#include "services/sagemaker/transform_job/transitions.h"

namespace tidemill::services::sagemaker {

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
  registry.add<operations::CreateTransformJob>(
      [this](Context& context, const CreateTransformJobRequest& request) {
        return handlers_.create(context, request);
      });
  registry.add<operations::DescribeTransformJob>(
      [this](Context& context, const DescribeTransformJobRequest& request) {
        return handlers_.describe(context, request);
      });
  registry.add<operations::ListTransformJobs>(
      [this](Context& context, const ListTransformJobsRequest& request) {
        return handlers_.list(context, request);
      });
  registry.add<operations::StopTransformJob>(
      [this](Context& context, const StopTransformJobRequest& request) {
        return handlers_.stop(context, request);
      });
}

}  // namespace tidemill::services::sagemaker
