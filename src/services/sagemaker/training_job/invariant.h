// What holds for the records whenever they are written (store/invariant.h); "" when it does.
#pragma once

#include <string_view>

#include "services/sagemaker/training_job/training_job.h"
#include "store/invariant.h"

namespace tidemill::services::sagemaker {

std::string_view invariant(const TrainingJob& job);

}  // namespace tidemill::services::sagemaker
