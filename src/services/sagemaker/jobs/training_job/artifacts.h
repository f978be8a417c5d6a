// Finds the reason of a failure and the metrics after the job's exit, and uploads what the job
// made.
#pragma once

#include <string>

#include "compute/compute.h"
#include "services/platform/cancellation/stop_check.h"
#include "services/s3/interface.h"
#include "services/sagemaker/jobs/training_job/job_folder.h"

namespace tidemill::services::sagemaker::jobs {

// "" when the job did well: exit code 0, or it was stopped. Else AWS's form: "AlgorithmError: <what
// output/failure or the end of the log says>, exit code: 1".
std::string failure_reason(const TrainingJob& job, const JobFolder& folder,
                           const compute::JobExit& exit, std::string_view log_tail);

// The end of the last traceback in a log, or the last lines.
std::string describe_failure(std::string_view log);

// Uploads model.tar.gz (when the job did well or was stopped), output.tar.gz (when there is any),
// and the checkpoints. Returns the model's URI, "" without one. A ClientError when the files come
// to more than the job's VolumeSizeInGB, as long as they appear; Tidemill.Cancelled when stopped.
Result<std::string> upload_artifacts(s3::S3Interface& s3, const TrainingJob& job,
                                     const JobFolder& folder, bool with_model,
                                     platform::StopCheck& stop);

}  // namespace tidemill::services::sagemaker::jobs
