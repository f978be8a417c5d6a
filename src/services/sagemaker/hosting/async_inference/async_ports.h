// Connects asynchronous inference to the server's endpoints, models and S3.
#pragma once

#include "runtime/event_loops.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/async_inference/ports.h"
#include "services/sagemaker_runtime/interface.h"
#include "store/store.h"

namespace tidemill::services::sagemaker::hosting {

// Borrows all its arguments.
AsyncPorts async_ports(store::Store& store, S3As s3_as, runtime::EventLoops& loops,
                       sagemaker_runtime::InferenceInterface& inference);

}  // namespace tidemill::services::sagemaker::hosting
