// Asynchronous inference joined to what the server has of endpoints, models and S3.
#pragma once

#include "runtime/event_loops.h"
#include "services/iam/interface.h"
#include "services/sagemaker/async_inference/ports.h"
#include "services/sagemaker_runtime/inference.h"
#include "store/store.h"

namespace tidemill::server {

// Borrows all of them.
services::sagemaker::AsyncPorts async_ports(store::Store& store, services::s3::S3Interface& s3,
                                            services::iam::IamInterface& iam,
                                            runtime::EventLoops& loops,
                                            services::sagemaker_runtime::Inference& inference);

}  // namespace tidemill::server
