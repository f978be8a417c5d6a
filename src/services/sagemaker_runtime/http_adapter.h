// InvokeEndpoint between HTTP and Inference: restJson1 with a raw body and headers.
#pragma once

#include <string>

#include "services/sagemaker_runtime/inference.h"
#include "wire/http.h"

namespace tidemill::services::sagemaker_runtime {

// That no header asks for what is not there: explanations, routing by prefix. ValidationError.
Result<void> check_headers(const wire::HttpRequest& request);
// Takes the body out of the request. `endpoint` is the label of the path.
InvokeRequest invoke_request(std::string account, std::string region, std::string endpoint,
                             wire::HttpRequest& request);
// The lengths and patterns of InvokeEndpointInput, in AWS's words. ValidationError.
Result<void> check_members(const InvokeRequest& request);
wire::HttpResponse stream_response(Result<StreamedAnswer> result, const std::string& request_id);
wire::HttpResponse invoke_response(InvokeResult result, const std::string& request_id);

}  // namespace tidemill::services::sagemaker_runtime
