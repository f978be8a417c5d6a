#include "services/sagemaker_runtime/http_adapter.h"

#include <algorithm>
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

bool is_alphanumeric(char letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
         (letter >= 'A' && letter <= 'Z');
}
bool is_name(std::string_view text) {
  return is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-'; });
}
bool is_session(std::string_view text) { return text == kNewSession || is_name(text); }
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_printable(std::string_view text) {
  return text.front() != ' ' && std::ranges::all_of(text, [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
         });
}

// Of InvokeEndpointInput's members. Their bodies and their answers are not what they say here, so
// the model's own constraints are not asked: invocations do not go through its schemas.
struct Constraint {
  std::string InvokeRequest::* member;
  const char* name;
  std::size_t length_max;
  bool (*fits)(std::string_view);
  const char* pattern;
};
constexpr const char* kNamePattern = "[a-zA-Z0-9](-*[a-zA-Z0-9])*";
constexpr const char* kPrintPattern = "\\A\\S[\\p{Print}]*\\z";
constexpr const char* kAsciiPattern = "\\p{ASCII}*";
constexpr Constraint kConstraints[] = {
    {&InvokeRequest::endpoint, "endpointName", 63, is_name, kNamePattern},
    {&InvokeRequest::content_type, "contentType", 1024, is_ascii, kAsciiPattern},
    {&InvokeRequest::accept, "accept", 1024, is_ascii, kAsciiPattern},
    {&InvokeRequest::custom_attributes, "customAttributes", 1024, is_ascii, kAsciiPattern},
    {&InvokeRequest::target_model, "targetModel", 1024, is_printable, kPrintPattern},
    {&InvokeRequest::target_variant, "targetVariant", 63, is_name, kNamePattern},
    {&InvokeRequest::target_container, "targetContainerHostname", 63, is_name, kNamePattern},
    {&InvokeRequest::inference_id, "inferenceId", 64, is_printable, kPrintPattern},
    {&InvokeRequest::component, "inferenceComponentName", 63, is_name, kNamePattern},
    {&InvokeRequest::session_id, "sessionId", 256, is_session,
     "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"},
};

}  // namespace

Result<void> check_members(const InvokeRequest& request) {
  for (const Constraint& each : kConstraints) {
    const std::string& value = request.*each.member;
    if (value.empty()) continue;
    const bool too_long = value.size() > each.length_max;
    if (!too_long && each.fits(value)) continue;
    return fail(
        "ValidationError",
        "1 validation error detected: Value '" + value.substr(0, 2 * each.length_max) + "' at '" +
            each.name + "' failed to satisfy constraint: Member must " +
            (too_long ? "have length less than or equal to " + std::to_string(each.length_max)
                      : std::string("satisfy regular expression pattern: ") + each.pattern),
        400);
  }
  return {};
}

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
    response.held = std::move(result->held);
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
  response.held = std::move(result->held);
  return response;
}

}  // namespace tidemill::services::sagemaker_runtime
