// The errors of invocations, worded as SageMaker words them.
#pragma once

#include <string_view>

#include "base/error.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker_runtime {

inline constexpr const char* kEndpointLogGroupPrefix = "/aws/sagemaker/Endpoints/";
inline constexpr const char* kComponentLogGroupPrefix = "/aws/sagemaker/InferenceComponents/";

// 424. `status` is the model's own (0: it did not answer), `message` its body.
Error model_error(const EndpointRoute& endpoint, const VariantRoute& variant,
                  std::string_view log_stream, int status, std::string_view message);
Error endpoint_not_found(std::string_view account, std::string_view endpoint);
Error unavailable(std::string message);  // 503: nothing is there to answer
Error model_not_ready();                 // 429: it is still being loaded
Error throttled(std::string message);    // 429: too much is asked at once

}  // namespace tidemill::services::sagemaker_runtime
