#include "server/inference_operation.h"

#include "services/sagemaker_runtime/http_adapter.h"

namespace tidemill::server {

namespace runtime_service = services::sagemaker_runtime;

void InferenceOperation::run(Call& call,
                             std::move_only_function<void(wire::HttpResponse)> respond) {
  if (Result<void> checked = runtime_service::check_headers(call.request); !checked)
    return respond(runtime_service::invoke_response(fail(checked.error()), call.request_id));
  std::string endpoint;
  for (auto& [name, value] : call.route.labels)
    if (name == "EndpointName") endpoint = std::move(value);
  runtime_service::InvokeRequest request = runtime_service::invoke_request(
      call.identity.account, call.identity.region, std::move(endpoint), call.request);
  if (Result<void> checked = runtime_service::check_members(request); !checked)
    return respond(runtime_service::invoke_response(fail(checked.error()), call.request_id));
  if (streams(*call.route.operation))
    return inference_.invoke_streaming(
        std::move(request), [&request_id = call.request_id, respond = std::move(respond)](
                                Result<runtime_service::StreamedAnswer> result) mutable {
          respond(runtime_service::stream_response(std::move(result), request_id));
        });
  inference_.invoke(std::move(request),
                    [&request_id = call.request_id,
                     respond = std::move(respond)](runtime_service::InvokeResult result) mutable {
                      respond(runtime_service::invoke_response(std::move(result), request_id));
                    });
}

}  // namespace tidemill::server
