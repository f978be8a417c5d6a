// How transform jobs, on their own threads, call the asynchronous inference path.
#pragma once

#include "runtime/event_loops.h"
#include "services/sagemaker/jobs/transform_job/fleet_models.h"
#include "services/sagemaker_runtime/inference.h"

namespace tidemill::server {

// Borrows both arguments, which must outlive the calls. A stopped call abandons its request, which
// may end after them.
services::sagemaker::jobs::InvokeRoute batch_invocation(
    services::sagemaker_runtime::Inference& inference, runtime::EventLoops& loops);

}  // namespace tidemill::server
