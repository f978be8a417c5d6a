#include "services/sagemaker_runtime/inference.h"

#include "services/platform/metrics/metrics.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/invocation.h"
#include "services/sagemaker_runtime/model_error.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr std::size_t kBatchThreads = 2;
constexpr std::size_t kBatchesWaitingMax = 256;
constexpr std::size_t kLoadThreads = 4;
constexpr std::size_t kLoadsWaitingMax = 256;

std::string endpoint_key(const EndpointRoute& endpoint) {
  return endpoint.account + "/" + endpoint.region + "/" + endpoint.name;
}

std::unexpected<Error> validation_error(std::string message) {
  return fail("ValidationError", std::move(message), 400);
}

using Variant = RoutingTable::Entry::Variant;

Result<const Variant*> choose_component(const RoutingTable::Entry& entry,
                                        const InvokeRequest& request) {
  const Variant* found = entry.find_component(request.component);
  if (!found)
    return validation_error("Inference Component " + request.component + " of endpoint " +
                            request.endpoint + " of account " + request.account + " not found.");
  if (found->route->instances.empty())
    return validation_error(
        "Inference Component has no capacity to process this request. ApplicationAutoScaling may "
        "be in-progress (if configured) or try to increase the capacity by invoking "
        "UpdateInferenceComponentRuntimeConfig API.");
  return found;
}

Result<const Variant*> choose_variant(const RoutingTable::Entry& entry,
                                      const InvokeRequest& request) {
  if (entry.for_components && request.component.empty())
    return validation_error(
        "Inference Component Name header is required for endpoints to which you plan to deploy "
        "inference components. Please include Inference Component Name header or consider using "
        "SageMaker models.");
  if (entry.for_components) return choose_component(entry, request);
  if (!request.component.empty())
    return validation_error("The endpoint " + request.endpoint +
                            " hosts no inference components; leave InferenceComponentName out.");
  const bool in_session = !request.session_id.empty() && request.session_id != kNewSession;
  const Variant* variant = !request.target_variant.empty() ? entry.find(request.target_variant)
                           : in_session                    ? entry.of_session(request.session_id)
                                                           : entry.choose();
  if (variant) return variant;
  if (!request.target_variant.empty())
    return validation_error("Variant " + request.target_variant + " not found for endpoint " +
                            request.endpoint + " of account " + request.account + ".");
  return fail(unavailable("Every variant of the endpoint " + request.endpoint +
                          " has the weight 0; give one a weight or name a target variant."));
}

}  // namespace

void InferenceCounters::add_to(platform::MetricRegistry& metrics) const {
  using platform::reading;
  metrics.add({.name = "tidemill_invocations_total",
               .help = "Invocations of endpoints.",
               .aws_namespace = "AWS/SageMaker",
               .aws_name = "Invocations"},
              reading(invocations));
  metrics.add({.name = "tidemill_invocation_model_errors_total",
               .help = "Invocations that a model answered with an error.",
               .aws_namespace = "AWS/SageMaker",
               .aws_name = "InvocationModelErrors"},
              reading(model_errors));
  metrics.add({.name = "tidemill_invocations_refused_total",
               .help = "Invocations that found no room or no instance."},
              reading(refused));
  metrics.add({.name = "tidemill_invocation_failovers_total",
               .help = "Requests that went to another instance than the first one."},
              reading(failovers));
  metrics.add({.name = "tidemill_captured_streams_too_large_total",
               .help = "Streams that were captured with an empty output."},
              reading(captures_too_large));
  metrics.add({.name = "tidemill_shadow_invocations_total",
               .help = "Copies of requests that went to shadow variants."},
              reading(shadow_invocations));
  metrics.add({.name = "tidemill_shadow_invocations_dropped_total",
               .help = "Copies of requests for which shadow variants had no room."},
              reading(shadow_dropped));
}

Inference::Inference(const RoutingTable& routes, runtime::EventLoops& loops, const Clock& clock,
                     InferenceLimits limits, Recorder* recorder)
    : routes_(routes),
      loops_(loops),
      clock_(clock),
      limits_(limits),
      recorder_(recorder),
      waiting_for_load_(std::make_unique<Loads>()),
      batches_({"predict", kBatchThreads, kBatchesWaitingMax}),
      loads_({"model-load", kLoadThreads, kLoadsWaitingMax}),
      client_(loops),
      checks_(loops, {.idle_timeout = std::chrono::milliseconds(1)}) {}

Inference::~Inference() {
  client_.stop();
  checks_.stop();
  batches_.stop();
  loads_.stop();
  for (Pointer& each : waiting_for_load_->take_all())
    next(std::move(each), fail(model_not_ready()));
}

// Chooses the variant and its containers.
Result<Inference::Chosen> Inference::choose(InvokeRequest& request) {
  const std::size_t body_bytes_max = request.limits.value_or(limits_).body_bytes_max;
  if (request.body.size() > body_bytes_max)
    return validation_error(
        "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must "
        "have length less than or equal to " +
        std::to_string(body_bytes_max));
  Chosen chosen;
  chosen.entry = routes_.find(request.account, request.region, request.endpoint);
  if (!chosen.entry) return fail(endpoint_not_found(request.account, request.endpoint));
  const RoutingTable::Entry& entry = *chosen.entry;
  if (entry.endpoint.asynchronous && !request.from_queue)
    return validation_error("Endpoint " + request.endpoint +
                            " is asynchronous; use InvokeEndpointAsync.");
  chosen.variant = TRY(choose_variant(entry, request));
  const VariantRoute& route = chosen.route();
  chosen.last = route.containers.size() - 1;
  if (route.direct) {
    if (request.target_container.empty())
      return validation_error("The containers of the endpoint " + request.endpoint +
                              " are invoked one by one; name a TargetContainerHostname.");
    std::size_t index = 0;
    while (index < route.containers.size() &&
           route.containers[index].hostname != request.target_container)
      ++index;
    if (index == route.containers.size())
      return validation_error("The endpoint " + request.endpoint + " has no container " +
                              request.target_container + ".");
    chosen.first = chosen.last = index;
  } else if (!request.target_container.empty()) {
    return validation_error(
        "TargetContainerHostname is for endpoints whose inference execution "
        "mode is Direct.");
  }
  if (!request.target_model.empty() && !route.containers[chosen.first].multi_model)
    return validation_error("Endpoint " + request.endpoint +
                            " is not a multi-model endpoint and does not support target model "
                            "header.");
  TRY(choose_instance(chosen, request));
  return chosen;
}

// Chooses an instance that has room.
Result<void> Inference::choose_instance(Chosen& chosen, InvokeRequest& request) {
  const RoutingTable::Entry::Variant& variant = *chosen.variant;
  const VariantRoute& route = *variant.route;
  if (route.concurrency_max == 0 && !route.needs_instance() && request.session_id.empty())
    return {};
  if (!request.session_id.empty()) {
    chosen.new_session = request.session_id == kNewSession;
    if (!chosen.new_session) {
      auto place = sessions_.find(endpoint_key(chosen.entry->endpoint), request.session_id);
      const RoutingTable::Entry::Variant* began = nullptr;
      if (place)
        for (const auto& each :
             request.component.empty() ? chosen.entry->variants : chosen.entry->components)
          if (each.route->name == place->variant && each.named(place->log_stream) >= 0)
            began = &each;
      chosen.bound = true;
      if (began) {
        chosen.variant = began;
        chosen.instance = began->named(place->log_stream);
      } else {
        chosen.instance = variant.of_session(request.session_id);
      }
    }
  }
  const RoutingTable::Entry::Variant& where = *chosen.variant;
  if (chosen.instance < 0)
    chosen.instance = where.route->random_routing ? where.by_chance() : where.least_busy();
  const bool needed = where.route->needs_instance();
  if (needed && chosen.instance < 0)
    return fail(unavailable("No instance of variant " + where.route->name +
                            " is running; it is being started again."));
  if (where.in_flight_total->fetch_add(1, std::memory_order_relaxed) >=
          where.route->concurrency_max &&
      where.route->concurrency_max > 0) {
    where.in_flight_total->fetch_sub(1, std::memory_order_relaxed);
    return fail(throttled("The variant " + where.route->name + " has " +
                          std::to_string(where.route->concurrency_max) +
                          " requests under way, its maximum concurrency; try again."));
  }
  std::atomic<int>* instance =
      chosen.instance >= 0 ? &where.instances[std::size_t(chosen.instance)]->in_flight : nullptr;
  if (instance) instance->fetch_add(1, std::memory_order_relaxed);
  chosen.slot = Slot(where.in_flight_total.get(), instance);
  if (needed && instance->load(std::memory_order_relaxed) > kRequestsPerInstanceMax)
    return fail(throttled("Every instance of variant " + where.route->name +
                          " has as many requests waiting as it may; try again."));
  return {};
}

void Inference::invoke(InvokeRequest&& request, Done done) {
  counters_.invocations.fetch_add(1, std::memory_order_relaxed);
  Result<Chosen> chosen = choose(request);
  if (!chosen) {
    counters_.refused.fetch_add(1, std::memory_order_relaxed);
    return done(fail(chosen.error()));
  }
  start(*std::move(chosen), std::move(request), std::move(done));
}

void Inference::start(Chosen&& chosen, InvokeRequest&& request, Done&& done) {
  chosen.captured = chosen.route().capture && recorder_ && chosen.route().capture->sample();
  if (!chosen.entry->shadows.empty()) mirror(chosen, request);
  if (predict_at_once(chosen, request, done)) return;
  auto invocation = std::make_unique<Invocation>();
  invocation->container = chosen.first;
  if (chosen.captured) {
    invocation->captured_body = request.body;
    invocation->captured_type = request.content_type;
  }
  invocation->chosen = std::move(chosen);
  invocation->request = std::move(request);
  invocation->done = std::move(done);
  run(std::move(invocation));
}

// The common case, which needs no allocation of its own: one native model and a small body.
bool Inference::predict_at_once(const Chosen& chosen, InvokeRequest& request, Done& done) {
  const ContainerRoute& container = chosen.container(chosen.first);
  if (!container.native || chosen.first != chosen.last ||
      !predicts_inline(request, *container.native))
    return false;
  InvokeResult result = predict(chosen.entry->endpoint, chosen.route(), container,
                                *container.native, request, request.limits.value_or(limits_));
  finish(chosen, std::move(request), std::move(done), std::move(result));
  return true;
}

void Inference::note_session(const Chosen& chosen, const std::string& session_id,
                             const std::string& new_session_id,
                             const std::string& closed_session_id) {
  if (chosen.instance < 0 || session_id.empty()) return;
  const std::string key = endpoint_key(chosen.entry->endpoint);
  if (chosen.new_session && !new_session_id.empty())
    // The header reads "id; Expires=...".
    sessions_.put(key, new_session_id.substr(0, new_session_id.find(';')),
                  {chosen.route().name, std::string(chosen.log_stream(0))});
  if (!closed_session_id.empty()) sessions_.erase(key, closed_session_id);
}

// Counts the request, records sessions, captures, and answers.
void Inference::finish(const Chosen& chosen, InvokeRequest&& request, Done&& done,
                       InvokeResult&& result) {
  if (!result) {
    auto& counter =
        result.error().code == "ModelError" ? counters_.model_errors : counters_.refused;
    counter.fetch_add(1, std::memory_order_relaxed);
    return done(std::move(result));
  }
  note_session(chosen, request.session_id, result->new_session_id, result->closed_session_id);
  if (!chosen.captured) return done(std::move(result));
  const CaptureSettings& settings = chosen.route().capture->settings();
  CapturedExchange exchange;
  if (settings.input) {
    exchange.request_content_type = std::move(request.content_type);
    exchange.request_body = std::move(request.body);
  }
  if (settings.output) {
    exchange.response_content_type = result->content_type;
    exchange.response_body = result->body;
  }
  exchange.inference_id = std::move(request.inference_id);
  // The model may answer with other attributes than it was sent.
  exchange.custom_attributes = result->custom_attributes.empty()
                                   ? std::move(request.custom_attributes)
                                   : result->custom_attributes;
  exchange.time = clock_.now();
  if (!recorder_->durable()) {
    recorder_->record(*chosen.route().capture, std::move(exchange));
    return done(std::move(result));
  }
  recorder_->record_durably(
      *chosen.route().capture, std::move(exchange),
      [done = std::move(done), result = std::move(result)](Result<void> kept) mutable {
        if (!kept)
          return done(
              fail(unavailable("The response could not be captured: " + kept.error().message)));
        done(std::move(result));
      });
}

// Copies the request to the shadow variants when the loop is idle, so that the client's answer
// never waits for them.
void Inference::mirror(const Chosen& chosen, const InvokeRequest& request) {
  for (const RoutingTable::Entry::Variant& shadow : chosen.entry->shadows) {
    if (next_point(shadow.turn) >= shadow.share) continue;
    const int instance = shadow.least_busy();
    const std::uint64_t bytes = request.body.size();
    if ((shadow.route->needs_instance() && instance < 0) ||
        shadow.in_flight_total->load(std::memory_order_relaxed) >= kShadowRequestsMax ||
        shadow_bytes_.load(std::memory_order_relaxed) + bytes > kShadowBytesMax) {
      counters_.shadow_dropped.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    auto copy = std::make_unique<Invocation>();
    copy->chosen.entry = chosen.entry;
    copy->chosen.variant = &shadow;
    copy->chosen.shadow = true;
    copy->chosen.last = shadow.route->containers.size() - 1;
    copy->chosen.instance = instance;
    copy->chosen.captured = shadow.route->capture && recorder_ && shadow.route->capture->sample();
    std::atomic<int>* busy =
        instance >= 0 ? &shadow.instances[std::size_t(instance)]->in_flight : nullptr;
    shadow.in_flight_total->fetch_add(1, std::memory_order_relaxed);
    if (busy) busy->fetch_add(1, std::memory_order_relaxed);
    copy->chosen.slot = Slot(shadow.in_flight_total.get(), busy);
    copy->request = request;
    if (copy->chosen.captured) {
      copy->captured_body = request.body;
      copy->captured_type = request.content_type;
    }
    shadow_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    copy->done = [this, bytes](InvokeResult) {
      shadow_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    };
    counters_.shadow_invocations.fetch_add(1, std::memory_order_relaxed);
    loops_.nearest().post([this, copy = std::move(copy)]() mutable { run(std::move(copy)); });
  }
}

}  // namespace tidemill::services::sagemaker_runtime
