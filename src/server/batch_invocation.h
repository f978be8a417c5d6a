// How transform jobs, on threads of their own, ask the asynchronous inference path.
#pragma once

#include "runtime/event_loops.h"
#include "services/sagemaker/transform_job/fleet_models.h"
#include "services/sagemaker_runtime/inference.h"

namespace tidemill::server {

// Borrows both; they outlive the calls, not what is left of them: a call that was stopped leaves
// its request to itself.
services::sagemaker::InvokeRoute batch_invocation(services::sagemaker_runtime::Inference& inference,
                                                  runtime::EventLoops& loops);

}  // namespace tidemill::server
