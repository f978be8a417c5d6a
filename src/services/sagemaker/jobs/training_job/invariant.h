// Invariants of the records (store/invariant.h): "" if a record keeps them, else what is wrong.
#pragma once

#include <string_view>

#include "services/sagemaker/jobs/training_job/training_job.h"
#include "store/invariant.h"

namespace tidemill::services::sagemaker::jobs {

std::string_view invariant(const TrainingJob& job);

}  // namespace tidemill::services::sagemaker::jobs
