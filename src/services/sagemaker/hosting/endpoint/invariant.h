// Invariants of the records (store/invariant.h): "" if a record keeps them, else what is wrong.
#pragma once

#include <string_view>

#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "store/invariant.h"

namespace tidemill::services::sagemaker::hosting {

std::string_view invariant(const Endpoint& endpoint);

}  // namespace tidemill::services::sagemaker::hosting
