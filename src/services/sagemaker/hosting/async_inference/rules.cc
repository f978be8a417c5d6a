#include "services/sagemaker/hosting/async_inference/rules.h"

#include <cctype>

#include "services/sagemaker/common/s3_uri.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

constexpr const char* kValidationError = "ValidationError";

// Clients take the location apart as a URL: what has a meaning there is no part of a file's name.
std::string file_name(std::string_view inference_id) {
  constexpr std::string_view kPlain = "-_.!*'()";
  std::string name(inference_id);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && kPlain.find(c) == std::string_view::npos)
      c = '-';
  return name;
}

std::string joined(std::string path, std::string_view rest) {
  while (path.ends_with('/')) path.pop_back();
  while (rest.starts_with('/')) rest.remove_prefix(1);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  return path + "/" + std::string(rest);
}

}  // namespace

Result<void> check_async_request(const api::sagemaker_runtime::InvokeEndpointAsyncInput& request) {
  const bool has_body = request.body && !request.body->bytes.empty();
  if (has_body == request.input_location.has_value())
    return fail(kValidationError,
                "Exactly one of InputLocation and Body must be given; this request has " +
                    std::string(has_body ? "both." : "neither."));
  if (!request.input_location) return {};
  Result<S3Uri> uri = parse_s3_uri(*request.input_location);
  if (!uri || uri->key.empty())
    return fail(kValidationError,
                "InputLocation " + *request.input_location + " is not the S3 URI of an object.");
  return {};
}

std::string async_output_location(const std::string& output_path,
                                  const api::sagemaker_runtime::InvokeEndpointAsyncInput& request,
                                  std::string_view inference_id) {
  std::string folder = output_path;
  if (request.s3_output_path_extension) folder = joined(folder, *request.s3_output_path_extension);
  return joined(folder, request.filename ? *request.filename : file_name(inference_id) + ".out");
}

std::string async_failure_location(const std::string& failure_path, std::string_view inference_id) {
  if (failure_path.empty()) return {};
  return joined(failure_path, file_name(inference_id) + "-error.out");
}

}  // namespace tidemill::services::sagemaker::hosting
