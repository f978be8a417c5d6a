// Rules of requests to asynchronous endpoints, and the places of their answers.
#pragma once

#include <string>

#include "api/sagemaker_runtime/invocation.h"
#include "base/error.h"

namespace tidemill::services::sagemaker::hosting {

// SageMaker's defaults for requests without these members.
inline constexpr std::int64_t kRequestTtlSecondsDefault = 21'600;
inline constexpr std::int64_t kInvocationTimeoutSecondsDefault = 900;
// Requests at one instance at a time when the configuration does not say.
inline constexpr int kConcurrentInvocationsDefault = 4;

// Checks a request of InvokeEndpointAsync. ValidationError.
Result<void> check_async_request(const api::sagemaker_runtime::InvokeEndpointAsyncInput& request);

// "s3://bucket/prefix/extension/<inference id>.out", or the request's Filename.
std::string async_output_location(const std::string& output_path,
                                  const api::sagemaker_runtime::InvokeEndpointAsyncInput& request,
                                  std::string_view inference_id);
// "s3://bucket/prefix/<inference id>-error.out"; "" when there is no failure path.
std::string async_failure_location(const std::string& failure_path, std::string_view inference_id);

}  // namespace tidemill::services::sagemaker::hosting
