// Registers InvokeEndpoint and InvokeEndpointWithResponseStream as operations that never block and
// answer later.
#pragma once

#include "services/platform/handlers/handlers.h"
#include "services/sagemaker_runtime/inference.h"

namespace tidemill::services::sagemaker_runtime {

// Borrows `inference`.
void add_invocations(Registry& registry, Inference& inference);

}  // namespace tidemill::services::sagemaker_runtime
