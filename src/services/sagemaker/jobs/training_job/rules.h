// Checks of CreateTrainingJob beyond the model's constraints.
#pragma once

#include "base/error.h"
#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/jobs/training_job/training_job.h"

namespace tidemill::services::sagemaker::jobs {

// ValidationException with what is wrong and what would be right.
Result<void> check_training_request(const api::sagemaker::CreateTrainingJobRequest& request,
                                    const Programs& programs);

}  // namespace tidemill::services::sagemaker::jobs
