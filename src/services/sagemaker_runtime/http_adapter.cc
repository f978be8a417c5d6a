#include "services/sagemaker_runtime/http_adapter.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "base/json.h"

namespace tidemill::services::sagemaker_runtime {

namespace {

// Of an answer's header; more only costs another allocation.
constexpr std::size_t kUsualFields = 4;

void add_error(wire::HttpResponse& response, const Error& error) {
  response.status = error.http_status ? error.http_status : 400;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("x-amzn-ErrorType", error.code);
  ValueObject body;
  body.append("Message", error.message);
  for (const auto& [name, value] : error.details)
    body.append(name,
                name == "OriginalStatusCode" ? Value(std::atoi(value.c_str())) : Value(value));
  response.body = write_json(body);
}

void add_sessions(wire::HttpResponse& response, const std::string& began,
                  const std::string& closed) {
  if (!began.empty()) response.headers.add("X-Amzn-SageMaker-New-Session-Id", began);
  if (!closed.empty()) response.headers.add("X-Amzn-SageMaker-Closed-Session-Id", closed);
}

}  // namespace

Result<void> check_headers(const wire::HttpRequest& request) {
  constexpr std::array<std::pair<const char*, const char*>, 2> kUnimplemented = {
      {{"X-Amzn-SageMaker-Enable-Explanations", "EnableExplanations"},
       {"X-Amzn-SageMaker-Prefix-Aware-Id", "PrefixAwareId"}}};
  for (const auto& [header, member] : kUnimplemented)
    if (!request.headers.get(header).empty())
      return fail("ValidationError",
                  std::string(member) + " is not implemented by Tidemill; leave it out.", 400);
  return {};
}

InvokeRequest invoke_request(std::string account, std::string region, std::string endpoint,
                             wire::HttpRequest& request) {
  InvokeRequest out;
  out.account = std::move(account);
  out.region = std::move(region);
  out.endpoint = std::move(endpoint);
  out.content_type = request.headers.get("Content-Type");
  // The streaming operation has a header of its own for it.
  out.accept = request.headers.get("X-Amzn-SageMaker-Accept");
  if (out.accept.empty()) out.accept = request.headers.get("Accept");
  out.target_variant = request.headers.get("X-Amzn-SageMaker-Target-Variant");
  out.custom_attributes = request.headers.get("X-Amzn-SageMaker-Custom-Attributes");
  out.inference_id = request.headers.get("X-Amzn-SageMaker-Inference-Id");
  out.target_model = request.headers.get("X-Amzn-SageMaker-Target-Model");
  out.target_container = request.headers.get("X-Amzn-SageMaker-Target-Container-Hostname");
  out.component = request.headers.get("X-Amzn-SageMaker-Inference-Component");
  out.session_id = request.headers.get("X-Amzn-SageMaker-Session-Id");
  out.body = std::move(request.body);
  return out;
}

wire::HttpResponse invoke_response(InvokeResult result, const std::string& request_id) {
  wire::HttpResponse response;
  response.headers.reserve(kUsualFields);
  response.headers.add("x-amzn-RequestId", request_id);
  if (result) {
    if (!result->content_type.empty())
      response.headers.add("Content-Type", std::move(result->content_type));
    response.headers.add("x-Amzn-Invoked-Production-Variant", std::move(result->invoked_variant));
    if (!result->custom_attributes.empty())
      response.headers.add("X-Amzn-SageMaker-Custom-Attributes", result->custom_attributes);
    add_sessions(response, result->new_session_id, result->closed_session_id);
    response.body = std::move(result->body);
    return response;
  }
  add_error(response, result.error());
  return response;
}

wire::HttpResponse stream_response(Result<StreamedAnswer> result, const std::string& request_id) {
  wire::HttpResponse response;
  response.headers.add("x-amzn-RequestId", request_id);
  if (!result) {
    add_error(response, result.error());
    return response;
  }
  response.headers.add("Content-Type", "application/vnd.amazon.eventstream");
  if (!result->content_type.empty())
    response.headers.add("X-Amzn-SageMaker-Content-Type", result->content_type);
  response.headers.add("x-Amzn-Invoked-Production-Variant", result->invoked_variant);
  if (!result->custom_attributes.empty())
    response.headers.add("X-Amzn-SageMaker-Custom-Attributes", result->custom_attributes);
  add_sessions(response, result->new_session_id, result->closed_session_id);
  response.push = std::move(result->events);
  return response;
}

}  // namespace tidemill::services::sagemaker_runtime
