// How transform jobs, on their own threads, call the asynchronous inference path.
#pragma once

#include "runtime/event_loops.h"
#include "services/sagemaker/jobs/transform_job/fleet_models.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::jobs {

// Borrows both arguments, which must outlive the calls. A stopped call abandons its request, which
// may end after them.
InvokeRoute batch_invocation(sagemaker_runtime::InferenceInterface& inference,
                             runtime::EventLoops& loops);

}  // namespace tidemill::services::sagemaker::jobs
