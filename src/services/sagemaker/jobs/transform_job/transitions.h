// How events change a transform job: pure, record + event + now -> record + tasks.
#pragma once

#include "engine/engine.h"
#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs {

// The first record of a job and its first tasks.
engine::Step<TransformJob> begin_transform_job(TransformJob job, Timestamp now);

// nullopt when the event does not apply any more.
Result<std::optional<engine::Step<TransformJob>>> transform_job_transition(
    const TransformJob& job, const engine::Event& event, Timestamp now);

}  // namespace tidemill::services::sagemaker::jobs
