#include "services/sagemaker_runtime/invocation.h"

#include "services/sagemaker_runtime/model_error.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr const char* kCustomAttributes = "X-Amzn-SageMaker-Custom-Attributes";
constexpr const char* kInferenceId = "X-Amzn-SageMaker-Inference-Id";
constexpr const char* kTargetModel = "X-Amzn-SageMaker-Target-Model";
constexpr const char* kSessionId = "X-Amzn-SageMaker-Session-Id";
constexpr const char* kNewSessionId = "X-Amzn-SageMaker-New-Session-Id";
constexpr const char* kClosedSessionId = "X-Amzn-SageMaker-Closed-Session-Id";

}  // namespace

bool never_reached(const Error& error) {
  return error.message.starts_with("cannot connect") ||
         error.message.starts_with("too many requests");
}

wire::ClientRequest to_model(InvokeRequest& request) {
  wire::ClientRequest out;
  out.method = "POST";
  out.target = "/invocations";
  if (!request.content_type.empty()) out.headers.add("Content-Type", request.content_type);
  out.headers.add("Accept", request.accept.empty() ? "*/*" : request.accept);
  auto add = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out.headers.add(name, value);
  };
  add(kCustomAttributes, request.custom_attributes);
  add(kInferenceId, request.inference_id);
  add(kTargetModel, request.target_model);
  add(kSessionId, request.session_id);
  out.body = std::move(request.body);
  return out;
}

bool predicts_inline(const InvokeRequest& request, const infer::Model& model) {
  const std::size_t bytes = request.body.size();
  if (bytes > kInlineBodyBytesMax) return false;
  auto in_time = [&](std::size_t rows) {
    return model.row_time() <= kInlineTimeMax / static_cast<std::int64_t>(rows);
  };
  // A row has at least one byte, whatever the type; usually this estimate suffices.
  return (in_time(1 + bytes) ||
          in_time(infer::rows_at_most(request.content_type, bytes, model.feature_count()))) &&
         !infer::decodes_slowly(request.content_type);
}

InvokeResult predict(const EndpointRoute& endpoint, const VariantRoute& variant,
                     const ContainerRoute& container, const infer::Model& model,
                     const InvokeRequest& request, const InferenceLimits& limits) {
  auto failed = [&](const Error& error) {
    return fail(model_error(endpoint, variant, variant.name, error.http_status, error.message));
  };
  if (request.body.empty() && container.request.empty_body_answered) {
    InvokeAnswer nothing;
    nothing.invoked_variant = variant.name;
    return nothing;
  }
  Result<infer::Matrix> rows = infer::decode_rows(request.content_type, request.body,
                                                  model.feature_count(), container.request);
  if (!rows) return failed(rows.error());
  Result<infer::Predictions> predictions = model.predict(*rows);
  if (!predictions) return failed(predictions.error());
  Result<infer::EncodedResponse> encoded =
      infer::encode_predictions(*predictions, model, request.accept, container.response);
  if (!encoded) return failed(encoded.error());
  if (encoded->body.size() > limits.body_bytes_max)
    return failed({"BadRequest",
                   "the answer has " + std::to_string(encoded->body.size()) + " bytes; at most " +
                       std::to_string(limits.body_bytes_max) + " are sent",
                   400});
  InvokeAnswer answer;
  answer.body = std::move(encoded->body);
  answer.content_type = std::move(encoded->content_type);
  answer.invoked_variant = variant.name;
  return answer;
}

InvokeResult from_model(const EndpointRoute& endpoint, const VariantRoute& variant,
                        std::string_view log_stream, const InferenceLimits& limits,
                        Result<wire::ClientResponse> response) {
  if (!response) {
    const Error& error = response.error();
    if (error.http_status == 429) return fail("ThrottlingException", error.message, 429);
    if (error.code == codes::kTimeout)
      return fail(model_error(
          endpoint, variant, log_stream, 0,
          "Your invocation timed out while waiting for a response from container primary. It must "
          "answer within " +
              std::to_string(limits.model_time.count()) + " seconds."));
    if (never_reached(error) || error.code == codes::kCancelled)
      return fail(unavailable("The model server of variant " + variant.name +
                              " cannot be reached: " + error.message));
    return fail(model_error(endpoint, variant, log_stream, 0, error.message));
  }
  if (response->status < 200 || response->status > 299)
    return fail(model_error(endpoint, variant, log_stream, response->status, response->body));
  InvokeAnswer answer;
  answer.body = std::move(response->body);
  answer.held = std::move(response->held);
  answer.content_type = response->headers.get("Content-Type");
  answer.invoked_variant = variant.name;
  answer.custom_attributes = response->headers.get(kCustomAttributes);
  answer.new_session_id = response->headers.get(kNewSessionId);
  answer.closed_session_id = response->headers.get(kClosedSessionId);
  return answer;
}

namespace {

constexpr int kStatusStopping = 503;  // sent by a model server that was told to stop

// Whether the end of the server may have cut the request off.
bool may_be_cut(const Result<wire::ClientResponse>& response) {
  return response ? response->status == kStatusStopping : response.error().code == codes::kIo;
}

}  // namespace

InvokeResult Inference::Chosen::answer(std::size_t container, const InferenceLimits& limits,
                                       bool from_queue,
                                       Result<wire::ClientResponse> response) const {
  if (load() && response) load()->answered();
  const Leaving leaving = load() ? load()->leaving.load() : Leaving::no;
  if (leaving == Leaving::no || !may_be_cut(response) ||
      (!response && never_reached(response.error())))
    return from_model(entry->endpoint, route(), log_stream(container), limits, std::move(response));
  if (leaving == Leaving::stopped)
    return fail(unavailable("The model server of variant " + route().name +
                            " was stopped while it worked on the request; ask again."));
  const std::string why =
      "The model server failed its health check and was ended while it worked on the request.";
  // Queues count such an attempt, and try again.
  if (from_queue) return fail(codes::kIo, why);
  return fail(model_error(entry->endpoint, route(), log_stream(container), 0, why));
}

wire::Destination Inference::destination(const Invocation& invocation) const {
  const Chosen& chosen = invocation.chosen;
  return destination_of(
      chosen.route().instances[std::size_t(chosen.instance)].servers[invocation.container].address);
}

bool Inference::fail_over(Chosen& chosen, const Error& error) {
  return never_reached(error) && to_another_instance(chosen, error);
}

// Moves the request to an instance not tried yet, in place of the one that cannot be reached.
bool Inference::to_another_instance(Chosen& chosen, const Error& error) {
  if (chosen.instance < 0) return false;
  const auto& instances = chosen.variant->instances;
  if (error.code == codes::kIo) instances[std::size_t(chosen.instance)]->refused();
  if (!chosen.may_fail_over()) return false;
  chosen.unreachable.push_back(chosen.instance);
  const int other = chosen.variant->least_busy(chosen.unreachable);
  if (other < 0) return false;
  std::atomic<int>& busy = instances[std::size_t(other)]->in_flight;
  if (busy.load(std::memory_order_relaxed) >= kRequestsPerInstanceMax) return false;
  chosen.slot.move_to(busy);
  chosen.instance = other;
  counters_.failovers.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Inference::to_pool(runtime::WorkerPool& pool, Error refusal, Pointer invocation,
                        std::move_only_function<void(Pointer)> work) {
  // Shared: the pool destroys a refused task, but the invocation still needs an answer.
  auto waiting = std::make_shared<Pointer>(std::move(invocation));
  runtime::WorkerPool::Task task = [waiting, work = std::move(work)]() mutable {
    work(std::move(*waiting));
  };
  if (!pool.try_submit(std::move(task))) next(std::move(*waiting), fail(std::move(refusal)));
}

void Inference::run(Pointer invocation) {
  const ContainerRoute& route = invocation->route();
  if (route.native) return run_native(std::move(invocation), route.native);
  if (route.multi_model && invocation->request.target_model.empty())
    return next(std::move(invocation),
                fail("ValidationError",
                     "The endpoint hosts many models; name one of them as the "
                     "TargetModel."));
  if (route.process)
    return route.multi_model ? run_multi_model(std::move(invocation))
                             : run_process(std::move(invocation));
  run_on_demand(std::move(invocation));
}

void Inference::run_native(Pointer invocation, std::shared_ptr<const infer::Model> model) {
  const infer::Model* const loaded = model.get();
  auto work = [this, model = std::move(model)](Pointer taken) {
    InvokeResult result =
        predict(taken->chosen.entry->endpoint, taken->chosen.route(), taken->route(), *model,
                taken->request, taken->request.limits.value_or(limits_));
    next(std::move(taken), std::move(result));
  };
  if (predicts_inline(invocation->request, *loaded)) return work(std::move(invocation));
  to_pool(batches_, throttled("Too many large requests wait for a prediction; try again."),
          std::move(invocation), std::move(work));
}

void Inference::run_process(Pointer invocation) {
  const wire::Destination to = destination(*invocation);
  const InferenceLimits limits = invocation->request.limits.value_or(limits_);
  // A body handed to the HTTP client cannot be taken back, so while another instance could be
  // tried, a copy is sent.
  InvokeRequest copy;
  if (invocation->chosen.may_fail_over()) copy = invocation->request;
  invocation->chosen.load()->sent(limits.model_time, invocation->request.from_queue);
  wire::ClientRequest request =
      to_model(invocation->chosen.may_fail_over() ? copy : invocation->request);
  // Queues and transform jobs limit their requests themselves.
  SharedBudget* budget = invocation->request.from_queue ? nullptr : &answer_bytes_;
  client_.request(to, std::move(request), {limits.model_time, limits.body_bytes_max, budget},
                  [this, limits, invocation = std::move(invocation)](
                      Result<wire::ClientResponse> response) mutable {
                    Chosen& chosen = invocation->chosen;
                    if (!response && fail_over(chosen, response.error()))
                      return run_process(std::move(invocation));
                    InvokeResult result =
                        chosen.answer(invocation->container, limits, invocation->request.from_queue,
                                      std::move(response));
                    next(std::move(invocation), std::move(result));
                  });
}

// Continues with the next container of a serial pipeline, or answers.
void Inference::next(Pointer invocation, InvokeResult result) {
  if (result && !invocation->is_last()) {
    ++invocation->container;
    invocation->request.body = std::move(result->body);
    invocation->request.content_type = std::move(result->content_type);
    return run(std::move(invocation));
  }
  InvokeRequest request = std::move(invocation->request);
  if (invocation->chosen.captured) {
    request.body = std::move(invocation->captured_body);
    request.content_type = std::move(invocation->captured_type);
  }
  finish(invocation->chosen, std::move(request), std::move(invocation->done), std::move(result));
}

}  // namespace tidemill::services::sagemaker_runtime
