// The errors of invocations, in SageMaker's wording.
#pragma once

#include <string_view>

#include "base/error.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker_runtime {

inline constexpr const char* kEndpointLogGroupPrefix = "/aws/sagemaker/Endpoints/";
inline constexpr const char* kComponentLogGroupPrefix = "/aws/sagemaker/InferenceComponents/";

// 424. `status` is the model's status (0: no answer), `message` is its body.
Error model_error(const EndpointRoute& endpoint, const VariantRoute& variant,
                  std::string_view log_stream, int status, std::string_view message);
Error endpoint_not_found(std::string_view account, std::string_view endpoint);
Error unavailable(std::string message);  // 503: nothing can answer
Error model_not_ready();                 // 429: still being loaded
Error throttled(std::string message);    // 429: too many requests at once

}  // namespace tidemill::services::sagemaker_runtime
