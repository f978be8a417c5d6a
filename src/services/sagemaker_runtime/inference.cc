#include "services/sagemaker_runtime/inference.h"

#include "services/sagemaker_runtime/model_error.h"
#include "services/sagemaker_runtime/routing_entry.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr const char* kCustomAttributes = "X-Amzn-SageMaker-Custom-Attributes";
constexpr const char* kInferenceId = "X-Amzn-SageMaker-Inference-Id";
constexpr std::size_t kBatchThreads = 2;
constexpr std::size_t kBatchesWaitingMax = 64;

wire::ClientRequest to_model(InvokeRequest& request) {
  wire::ClientRequest out;
  out.method = "POST";
  out.target = "/invocations";
  if (!request.content_type.empty()) out.headers.add("Content-Type", request.content_type);
  out.headers.add("Accept", request.accept.empty() ? "*/*" : request.accept);
  if (!request.custom_attributes.empty())
    out.headers.add(kCustomAttributes, request.custom_attributes);
  if (!request.inference_id.empty()) out.headers.add(kInferenceId, request.inference_id);
  out.body = std::move(request.body);
  return out;
}

InvokeResult predict(const VariantRoute& variant, const EndpointRoute& endpoint,
                     const InvokeRequest& request) {
  auto failed = [&](const Error& error) {
    return fail(model_error(endpoint, variant.name, error.http_status, error.message));
  };
  const infer::Model& model = *variant.native;
  Result<infer::Matrix> rows =
      infer::decode_rows(request.content_type, request.body, model.feature_count());
  if (!rows) return failed(rows.error());
  Result<infer::Predictions> predictions = model.predict(*rows);
  if (!predictions) return failed(predictions.error());
  Result<infer::EncodedResponse> encoded =
      infer::encode_predictions(*predictions, model, request.accept, variant.response);
  if (!encoded) return failed(encoded.error());
  return InvokeAnswer{std::move(encoded->body), std::move(encoded->content_type), variant.name, {}};
}

InvokeResult from_model(const EndpointRoute& endpoint, const VariantRoute& variant,
                        const InstanceRoute& instance, Result<wire::ClientResponse> response) {
  if (!response) {
    const std::string& code = response.error().code;
    if (code == codes::kTimeout)
      return fail(
          model_error(endpoint, instance.log_stream, 0,
                      "Your invocation timed out while waiting for a response from container "
                      "primary. It must answer within 60 seconds."));
    // Nothing was sent: the client may try again. Everything else is the model's doing.
    const bool never_reached = code == codes::kCancelled ||
                               response.error().message.starts_with("cannot connect") ||
                               response.error().message.starts_with("too many requests");
    if (never_reached)
      return fail(unavailable("The model server of variant " + variant.name +
                              " cannot be reached: " + response.error().message));
    return fail(model_error(endpoint, instance.log_stream, 0, response.error().message));
  }
  if (response->status < 200 || response->status > 299)
    return fail(model_error(endpoint, instance.log_stream, response->status, response->body));
  return InvokeAnswer{std::move(response->body), std::string(response->headers.get("Content-Type")),
                      variant.name, std::string(response->headers.get(kCustomAttributes))};
}

}  // namespace

struct Inference::Chosen {
  EntryPointer entry;  // keeps `variant` alive
  const RoutingTable::Entry::Variant* variant;
};

Inference::Inference(const RoutingTable& routes, runtime::EventLoops& loops)
    : routes_(routes), batches_({"predict", kBatchThreads, kBatchesWaitingMax}), client_(loops) {}

Inference::~Inference() {
  client_.stop();
  batches_.stop();
}

Result<Inference::Chosen> Inference::choose(const InvokeRequest& request) {
  if (request.body.size() > kBodyBytesMax)
    return fail("ValidationError",
                "1 validation error detected: Value at 'body' failed to satisfy constraint: Member "
                "must have length less than or equal to " +
                    std::to_string(kBodyBytesMax));
  EntryPointer entry = routes_.find(request.account, request.region, request.endpoint);
  if (!entry) return fail(endpoint_not_found(request.account, request.endpoint));
  const RoutingTable::Entry::Variant* variant =
      request.target_variant.empty() ? entry->choose() : entry->find(request.target_variant);
  if (!variant && !request.target_variant.empty())
    return fail("ValidationError", "Variant " + request.target_variant +
                                       " not found for endpoint " + request.endpoint +
                                       " of account " + request.account + ".");
  if (!variant)
    return fail(unavailable("Every variant of the endpoint " + request.endpoint +
                            " has the weight 0; give one a weight or name a target variant."));
  return Chosen{std::move(entry), variant};
}

void Inference::answer(Done& done, InvokeResult result) {
  if (!result) {
    auto& counter =
        result.error().code == "ModelError" ? counters_.model_errors : counters_.refused;
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  done(std::move(result));
}

void Inference::invoke(InvokeRequest request, Done done) {
  counters_.invocations.fetch_add(1, std::memory_order_relaxed);
  Result<Chosen> chosen = choose(request);
  if (!chosen) return answer(done, fail(chosen.error()));
  if (chosen->variant->route->native)
    return invoke_native(std::move(*chosen), std::move(request), std::move(done));
  invoke_process(std::move(*chosen), std::move(request), std::move(done));
}

void Inference::invoke_native(Chosen chosen, InvokeRequest request, Done done) {
  if (request.body.size() <= kInlineBodyBytesMax)
    return answer(done, predict(*chosen.variant->route, chosen.entry->endpoint, request));
  // Shared: a task that the pool refuses is destroyed, and its caller still needs an answer.
  auto waiting = std::make_shared<Done>(std::move(done));
  runtime::WorkerPool::Task task = [this, waiting, chosen = std::move(chosen),
                                    request = std::move(request)] {
    answer(*waiting, predict(*chosen.variant->route, chosen.entry->endpoint, request));
  };
  if (!batches_.try_submit(std::move(task)))
    answer(*waiting, fail(unavailable("Too many large requests are being predicted; try again.")));
}

void Inference::invoke_process(Chosen chosen, InvokeRequest request, Done done) {
  const int index = RoutingTable::Entry::least_busy(*chosen.variant);
  if (index < 0)
    return answer(done, fail(unavailable("No instance of variant " + chosen.variant->route->name +
                                         " is running; it is being started again.")));
  std::atomic<int>& in_flight = chosen.variant->in_flight[static_cast<std::size_t>(index)];
  if (in_flight.fetch_add(1, std::memory_order_relaxed) >= kRequestsPerInstanceMax) {
    in_flight.fetch_sub(1, std::memory_order_relaxed);
    return answer(done,
                  fail(unavailable("Every instance of variant " + chosen.variant->route->name +
                                   " has as many requests waiting as it may; try again.")));
  }
  const InstanceRoute& instance = chosen.variant->route->instances[static_cast<std::size_t>(index)];
  const wire::Destination destination = wire::Destination::tcp("127.0.0.1", instance.port);
  const wire::ClientLimits limits{kModelTime, kBodyBytesMax};
  client_.request(destination, to_model(request), limits,
                  [this, chosen = std::move(chosen), &instance, &in_flight,
                   done = std::move(done)](Result<wire::ClientResponse> response) mutable {
                    in_flight.fetch_sub(1, std::memory_order_relaxed);
                    answer(done, from_model(chosen.entry->endpoint, *chosen.variant->route,
                                            instance, std::move(response)));
                  });
}

bool Inference::ping(std::uint16_t port) {
  wire::ClientRequest request;
  request.target = "/ping";
  Result<wire::ClientResponse> response = client_.request_and_wait(
      wire::Destination::tcp("127.0.0.1", port), std::move(request), {kPingTime, 64 * 1024});
  return response && response->status == 200;
}

}  // namespace tidemill::services::sagemaker_runtime
