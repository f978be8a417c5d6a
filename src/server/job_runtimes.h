// The programs of this machine that run the runtimes that jobs name.
#pragma once

#include <string>

#include "compute/process/process_compute.h"
#include "services/sagemaker/common/images/images.h"

namespace tidemill::server {

// Tidemill.Invalid when there is no runtime of this name.
Result<compute::Runtime> job_runtime(const services::sagemaker::Programs& programs,
                                     const std::string& name);

}  // namespace tidemill::server
