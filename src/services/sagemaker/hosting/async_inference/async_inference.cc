#include "services/sagemaker/hosting/async_inference/async_inference.h"

#include "base/log.h"
#include "engine/transitions.h"
#include "services/platform/metrics/metrics.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/hosting/async_inference/rules.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace runtime_api = api::sagemaker_runtime;
namespace events = async_events;
namespace tasks = async_tasks;

constexpr engine::RetryPolicy kRetry{.attempts_max = 8};
constexpr std::size_t kScanPage = 1000;
constexpr const char* kFailureContentType = "text/plain";

// A gauge of each endpoint's queue.
void add_gauge(platform::MetricRegistry& metrics, const AsyncDispatcher& dispatcher,
               const platform::MetricSpec& spec,
               std::function<double(const AsyncDispatcher::Backlog&)> read) {
  metrics.add_family(spec, [&dispatcher, read = std::move(read)] {
    std::vector<platform::MetricSample> samples;
    for (const AsyncDispatcher::Backlog& queue : dispatcher.backlog())
      samples.push_back(
          {{{"account", queue.account}, {"region", queue.region}, {"endpoint", queue.endpoint}},
           read(queue)});
    return samples;
  });
}

}  // namespace

AsyncInference::AsyncInference(store::Store& store, engine::Engine& engine, Clock& clock,
                               Random& random, AsyncPorts ports, AsyncOptions options)
    : store_(store),
      engine_(engine),
      clock_(clock),
      random_(random),
      ports_(ports),
      dispatcher_(store, engine, std::move(ports), options) {}

std::vector<store::TableSpec> AsyncInference::tables() { return {async_invocations().spec()}; }

void AsyncInference::add_to(engine::Engine& engine) {
  engine.add(engine::make_machine<AsyncInvocation>(
      kAsyncMachine, async_invocations(), async_transition,
      [this](const AsyncInvocation& invocation, const engine::TaskRun& run) {
        return run_task(invocation, run);
      },
      kRetry));
}

void AsyncInference::add_to(Registry& registry) {
  registry.add<runtime_api::operations::InvokeEndpointAsync>(
      [this](Context& context, const runtime_api::InvokeEndpointAsyncInput& request) {
        return invoke(context, request);
      });
}

Result<void> AsyncInference::start() {
  store::Scan scan{.table = async_invocations().name(), .limit = kScanPage};
  do {
    store::Page page = TRY(store_.scan(scan));
    for (const store::Row& row : page.rows) {
      const auto invocation = store::read_or_skip<AsyncInvocation>(scan.table, row.key, row.value);
      if (!invocation) continue;
      if (invocation->phase == AsyncPhase::running)
        TRY(engine_.send(kAsyncMachine, row.key,
                         engine::event_of(events::Interrupted{"the server ended."})));
      // One that failed by this is found so when its turn comes.
      if (invocation->phase != AsyncPhase::failing) dispatcher_.add(*invocation);
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  dispatcher_.start();
  return {};
}

Result<AsyncInvocation> AsyncInference::make_invocation(
    const Context& context, const runtime_api::InvokeEndpointAsyncInput& request) {
  TRY(check_async_request(request));
  Result<AsyncTarget> target =
      ports_.look_up(context.account(), context.region, request.endpoint_name);
  if (!target) return internal_failure(target.error());
  const std::string who = "Endpoint " + request.endpoint_name + " of account " + context.account();
  if (target->kind == AsyncTarget::Kind::gone) return fail("ValidationError", who + " not found.");
  if (target->kind == AsyncTarget::Kind::not_asynchronous)
    return fail("ValidationError", who +
                                       " is not asynchronous; use InvokeEndpoint, or give its "
                                       "configuration an AsyncInferenceConfig.");
  AsyncInvocation out;
  out.account = context.account();
  out.region = context.region;
  out.endpoint = request.endpoint_name;
  out.received = clock_.now();
  out.id = async_invocation_id(out.received, random_);
  out.inference_id = request.inference_id ? *request.inference_id : make_uuid(random_);
  out.input_location = request.input_location.value_or("");
  if (request.body) out.inline_body = *request.body;
  out.content_type = request.content_type.value_or("");
  out.accept = request.accept.value_or("");
  out.custom_attributes = request.custom_attributes.value_or("");
  out.output_location = async_output_location(target->output_path, request, out.inference_id);
  out.failure_location = async_failure_location(target->failure_path, out.inference_id);
  out.role_arn = target->role_arn;
  out.role_since = target->role_since;
  out.expires = out.received + std::chrono::seconds(
                                   request.request_ttl_seconds.value_or(kRequestTtlSecondsDefault));
  out.timeout_seconds =
      request.invocation_timeout_seconds.value_or(kInvocationTimeoutSecondsDefault);
  return out;
}

Result<runtime_api::InvokeEndpointAsyncOutput> AsyncInference::invoke(
    Context& context, const runtime_api::InvokeEndpointAsyncInput& request) {
  const AsyncInvocation invocation = TRY(make_invocation(context, request));
  if (!dispatcher_.has_room(invocation))
    return fail("ServiceUnavailable",
                "As many requests wait for the endpoint " + request.endpoint_name +
                    " as may; try again when some are done.",
                503);
  engine::Step<AsyncInvocation> step = begin_async_invocation(invocation);
  Result<void> created =
      engine_.create(kAsyncMachine, async_invocation_key(invocation),
                     to_json(async_invocations().checked(invocation.id, step.next)),
                     async_invocations().index_keys(step.next), std::move(step.tasks));
  if (!created) return internal_failure(created.error());
  dispatcher_.counters.accepted += 1;
  dispatcher_.add(invocation);
  runtime_api::InvokeEndpointAsyncOutput out;
  out.inference_id = invocation.inference_id;
  out.output_location = invocation.output_location;
  if (!invocation.failure_location.empty()) out.failure_location = invocation.failure_location;
  return out;
}

engine::TaskResult AsyncInference::run_task(const AsyncInvocation& invocation,
                                            const engine::TaskRun& run) {
  if (run.type == tasks::kExpire) return engine::events_of(events::Expired{});
  if (run.type == tasks::kWriteFailure) return write_failure(invocation, run);
  if (run.type == tasks::kRemove) return remove(run);
  return fail(codes::kInvalid, "an asynchronous invocation has no task " + run.type);
}

engine::TaskResult AsyncInference::write_failure(const AsyncInvocation& invocation,
                                                 const engine::TaskRun& run) {
  dispatcher_.remove(invocation);
  if (run.attempt == 1) dispatcher_.counters.failed += 1;
  if (run.attempt == 1)
    log::info("an asynchronous invocation failed", {{"endpoint", invocation.endpoint},
                                                    {"inference_id", invocation.inference_id},
                                                    {"reason", invocation.failure}});
  if (!invocation.failure_location.empty()) {
    const S3Uri uri = TRY(parse_s3_uri(invocation.failure_location));
    StringSource bytes(invocation.failure);
    TRY(ports_.s3_as(role_use(invocation))
            ->put_object(invocation.account, uri.bucket, uri.key, bytes,
                         {.content_type = kFailureContentType}));
  }
  return remove(run);
}

engine::TaskResult AsyncInference::remove(const engine::TaskRun& run) {
  Result<void> erased = engine_.erase(kAsyncMachine, run.key);
  if (!erased && erased.error().code != codes::kNotFound) return fail(erased.error());
  return std::vector<engine::Event>{};
}

void AsyncInference::add_to(platform::MetricRegistry& metrics) const {
  using platform::MetricKind;
  using platform::reading;
  using Backlog = AsyncDispatcher::Backlog;
  add_gauge(metrics, dispatcher_,
            {.name = "tidemill_async_waiting",
             .kind = MetricKind::gauge,
             .help = "Asynchronous invocations that wait for their endpoint."},
            [](const Backlog& queue) { return double(queue.waiting); });
  add_gauge(metrics, dispatcher_,
            {.name = "tidemill_async_running",
             .kind = MetricKind::gauge,
             .help = "Asynchronous invocations that a model works on."},
            [](const Backlog& queue) { return double(queue.running); });
  metrics.add(
      {.name = "tidemill_async_accepted_total", .help = "Asynchronous invocations accepted."},
      reading(dispatcher_.counters.accepted));
  metrics.add({.name = "tidemill_async_completed_total",
               .help = "Asynchronous invocations that were answered."},
              reading(dispatcher_.counters.completed));
  metrics.add(
      {.name = "tidemill_async_failed_total", .help = "Asynchronous invocations that failed."},
      reading(dispatcher_.counters.failed));
}

}  // namespace tidemill::services::sagemaker::hosting
