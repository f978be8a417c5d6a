#include "services/sagemaker/hosting/async_inference/async_ports.h"

#include "services/sagemaker/hosting/async_inference/endpoint_target.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace runtime_service = sagemaker_runtime;

runtime_service::InvokeRequest queued_request(AsyncCall call) {
  runtime_service::InvokeRequest out;
  out.account = std::move(call.account);
  out.region = std::move(call.region);
  out.endpoint = std::move(call.endpoint);
  out.content_type = std::move(call.content_type);
  out.accept = std::move(call.accept);
  out.custom_attributes = std::move(call.custom_attributes);
  out.inference_id = std::move(call.inference_id);
  out.body = std::move(call.body);
  out.from_queue = true;
  out.limits = runtime_service::InferenceLimits{runtime_service::kQueuedBodyBytesMax,
                                                std::chrono::seconds(call.timeout_seconds)};
  return out;
}

Result<AsyncAnswer> answer_of(runtime_service::InvokeResult result) {
  if (!result) return fail(result.error());
  return AsyncAnswer{std::move(result->body), std::move(result->content_type)};
}

}  // namespace

AsyncPorts async_ports(store::Store& store, S3As s3_as, runtime::EventLoops& loops,
                       runtime_service::InferenceInterface& inference) {
  AsyncPorts ports;
  ports.look_up = [&store](std::string_view account, std::string_view region,
                           std::string_view name) {
    return find_async_target(store, account, region, name);
  };
  ports.s3_as = std::move(s3_as);
  // A loop that stops drops its posts: by then the dispatcher has given those requests back.
  ports.invoke = [&loops, &inference](AsyncCall call,
                                      std::move_only_function<void(Result<AsyncAnswer>)> done) {
    loops.nearest().post(
        [&inference, request = queued_request(std::move(call)), done = std::move(done)]() mutable {
          inference.invoke(std::move(request),
                           [done = std::move(done)](runtime_service::InvokeResult result) mutable {
                             done(answer_of(std::move(result)));
                           });
        });
  };
  return ports;
}

}  // namespace tidemill::services::sagemaker::hosting
