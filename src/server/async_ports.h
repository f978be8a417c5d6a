// Connects asynchronous inference to the server's endpoints, models and S3.
#pragma once

#include "runtime/event_loops.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/async_inference/ports.h"
#include "services/sagemaker_runtime/inference.h"
#include "store/store.h"

namespace tidemill::server {

// Borrows all its arguments.
services::sagemaker::hosting::AsyncPorts async_ports(
    store::Store& store, services::sagemaker::S3As s3_as, runtime::EventLoops& loops,
    services::sagemaker_runtime::Inference& inference);

}  // namespace tidemill::server
