// Endpoints as asynchronous inference sees them: the one place of it that knows their records.
#pragma once

#include "services/sagemaker/hosting/async_inference/ports.h"
#include "store/store.h"

namespace tidemill::services::sagemaker::hosting {

Result<AsyncTarget> find_async_target(store::Store& store, std::string_view account,
                                      std::string_view region, std::string_view endpoint);

}  // namespace tidemill::services::sagemaker::hosting
