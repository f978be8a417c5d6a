#include "services/sagemaker/jobs/training_job/invariant.h"

namespace tidemill::services::sagemaker::jobs {

std::string_view invariant(const TrainingJob& job) {
  const bool ended = job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
  if (job.name().empty() || job.arn.empty()) return "a training job has a name and an ARN";
  if (ended != (job.phase == TrainingPhase::over))
    return "the phase is over exactly when the status is Completed, Failed or Stopped";
  if (!ended && job.status != "InProgress" && job.status != "Stopping")
    return "the status is none that a training job has";
  if (job.transitions.empty()) return "a training job has begun at least one secondary status";
  if (job.transitions.back().status != job.secondary_status)
    return "the secondary status is that of the last transition";
  if (ended && (!job.training_ended || !job.transitions.back().ended))
    return "a job that is over has ended, and so has its last transition";
  if (job.status == "Completed" && !job.failure_reason.empty())
    return "a completed job has no failure reason";
  return {};
}

}  // namespace tidemill::services::sagemaker::jobs
