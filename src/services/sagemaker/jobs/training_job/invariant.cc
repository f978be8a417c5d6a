#include "services/sagemaker/jobs/training_job/invariant.h"

namespace tidemill::services::sagemaker::jobs {

std::string_view invariant(const TrainingJob& job) {
  const bool ended = job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
  if (job.name().empty() || job.arn.empty()) return "a training job must have a name and an ARN";
  if (ended != (job.phase == TrainingPhase::over))
    return "the phase must be over exactly when the status is Completed, Failed or Stopped";
  if (!ended && job.status != "InProgress" && job.status != "Stopping")
    return "a training job's status must be one of the known ones";
  if (job.transitions.empty()) return "a training job must have at least one transition";
  if (job.transitions.back().status != job.secondary_status)
    return "the secondary status must be that of the last transition";
  if (ended && (!job.training_ended || !job.transitions.back().ended))
    return "a job that is over must have an end, and so must its last transition";
  if (job.status == "Completed" && !job.failure_reason.empty())
    return "a completed job must not have a failure reason";
  return {};
}

}  // namespace tidemill::services::sagemaker::jobs
