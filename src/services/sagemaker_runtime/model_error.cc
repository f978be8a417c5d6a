#include "services/sagemaker_runtime/model_error.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// How much of the model's answer a client sees; the rest is in the log.
constexpr std::size_t kOriginalMessageBytesMax = 8192;

}  // namespace

Error model_error(const EndpointRoute& endpoint, const VariantRoute& variant,
                  std::string_view log_stream, int status, std::string_view message) {
  const std::string group = variant.component.empty()
                                ? kEndpointLogGroupPrefix + endpoint.name
                                : kComponentLogGroupPrefix + variant.component;
  const std::string original(message.substr(0, kOriginalMessageBytesMax));
  const std::string kind = status >= 400 && status < 500 ? "client" : "server";
  Error error{"ModelError",
              "Received " + kind + " error (" + std::to_string(status) +
                  ") from primary with message \"" + original + "\". See the log group " + group +
                  " in account " + endpoint.account + " for more information.",
              424};
  error.details["OriginalStatusCode"] = std::to_string(status);
  error.details["OriginalMessage"] = original;
  error.details["LogStreamArn"] =
      "arn:aws:logs:" + endpoint.region + ":" + endpoint.account + ":log-group:" + group +
      (log_stream.empty() ? "" : ":log-stream:" + std::string(log_stream));
  return error;
}

Error endpoint_not_found(std::string_view account, std::string_view endpoint) {
  return {
      "ValidationError",
      "Endpoint " + std::string(endpoint) + " of account " + std::string(account) + " not found.",
      400};
}

Error unavailable(std::string message) { return {"ServiceUnavailable", std::move(message), 503}; }

Error model_not_ready() {
  return {"ModelNotReadyException",
          "The model is still being downloaded or loaded, and too many requests wait for models "
          "already; try again.",
          429};
}

Error throttled(std::string message) { return {"ThrottlingException", std::move(message), 429}; }

}  // namespace tidemill::services::sagemaker_runtime
