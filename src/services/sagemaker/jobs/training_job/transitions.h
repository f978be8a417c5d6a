// How events change a training job: pure, record + event + now -> record + tasks.
#pragma once

#include "compute/compute.h"
#include "engine/engine.h"
#include "services/sagemaker/jobs/training_job/training_job.h"

namespace tidemill::services::sagemaker::jobs {

// The first record of a job and its first tasks.
engine::Step<TrainingJob> begin_training_job(TrainingJob job, Timestamp now);

// nullopt when the event does not apply any more.
Result<std::optional<engine::Step<TrainingJob>>> training_job_transition(const TrainingJob& job,
                                                                         const engine::Event& event,
                                                                         Timestamp now);

// Marks in the record that an event led to when training began and how long it took: `counted` is
// the time by Dependencies::durations.
void count_training_time(TrainingJob& job, Timestamp counted);

}  // namespace tidemill::services::sagemaker::jobs
