// What holds for the records whenever they are written (store/invariant.h); "" when it does.
#pragma once

#include <string_view>

#include "services/sagemaker/endpoint/endpoint.h"
#include "store/invariant.h"

namespace tidemill::services::sagemaker {

std::string_view invariant(const Endpoint& endpoint);

}  // namespace tidemill::services::sagemaker
