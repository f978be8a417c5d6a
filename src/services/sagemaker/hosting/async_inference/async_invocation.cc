#include "services/sagemaker/hosting/async_inference/async_invocation.h"

#include <cstdio>

#include "engine/transitions.h"
#include "services/sagemaker/hosting/async_inference/ports.h"

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(AsyncInvocation)
namespace {

using Table = engine::Transitions<AsyncInvocation, AsyncPhase>;
using Next = Table::Next;
namespace events = async_events;
namespace tasks = async_tasks;

Next fail_with(AsyncInvocation invocation, std::string reason) {
  invocation.phase = AsyncPhase::failing;
  invocation.failure = std::move(reason);
  return engine::Step<AsyncInvocation>{std::move(invocation), {{.type = tasks::kWriteFailure}}};
}

Next expire(AsyncInvocation invocation) {
  const auto seconds = (invocation.expires - invocation.received) / std::chrono::seconds(1);
  return fail_with(std::move(invocation), "The request expired: it was not processed within the " +
                                              std::to_string(seconds) +
                                              " seconds that RequestTTLSeconds gives it.");
}

// If the timer rang while the invocation was running, it must expire now, since nothing else would
// end its wait. Only the timer decides: it counts elapsed time, and the wall clock may be set.
Next back_to_queue(AsyncInvocation invocation) {
  if (invocation.overdue) return expire(std::move(invocation));
  invocation.phase = AsyncPhase::queued;
  return engine::Step<AsyncInvocation>{std::move(invocation)};
}

Next dispatched(AsyncInvocation invocation, const events::Dispatched&, Timestamp) {
  invocation.phase = AsyncPhase::running;
  invocation.attempts += 1;
  return engine::Step<AsyncInvocation>{std::move(invocation)};
}

Next released(AsyncInvocation invocation, const events::Released&, Timestamp) {
  invocation.attempts -= 1;
  return back_to_queue(std::move(invocation));
}

Next interrupted(AsyncInvocation invocation, const events::Interrupted& event, Timestamp) {
  if (invocation.attempts >= kAsyncAttemptsMax)
    return fail_with(std::move(invocation), "The invocation was begun " +
                                                std::to_string(kAsyncAttemptsMax) +
                                                " times and never came to an end: " + event.reason);
  return back_to_queue(std::move(invocation));
}

Next failed(AsyncInvocation invocation, const events::Failed& event, Timestamp) {
  return fail_with(std::move(invocation), event.reason);
}

// The timer rings once.
Next expired(AsyncInvocation invocation, const events::Expired&, Timestamp) {
  if (invocation.phase == AsyncPhase::queued) return expire(std::move(invocation));
  invocation.overdue = true;
  return engine::Step<AsyncInvocation>{std::move(invocation)};
}

// The task that writes the failure's object failed: the log has the failure, and the record goes.
Next task_failed(AsyncInvocation invocation, const engine::TaskFailure& failure, Timestamp) {
  if (failure.task == tasks::kRemove) return {};
  return engine::Step<AsyncInvocation>{std::move(invocation), {{.type = tasks::kRemove}}};
}

const Table& table() {
  using Phase = AsyncPhase;
  static const Table rows("an asynchronous invocation", &AsyncInvocation::phase,
                          {Table::on<events::Dispatched>({Phase::queued}, &dispatched),
                           Table::on<events::Released>({Phase::running}, &released),
                           Table::on<events::Interrupted>({Phase::running}, &interrupted),
                           Table::on<events::Failed>({Phase::queued, Phase::running}, &failed),
                           Table::on<events::Expired>({Phase::queued, Phase::running}, &expired),
                           Table::on<engine::TaskFailure>({Phase::failing}, &task_failed)});
  return rows;
}

}  // namespace

std::string_view invariant(const AsyncInvocation& invocation) {
  if (invocation.endpoint.empty() || invocation.id.empty())
    return "an invocation must have an endpoint and an id";
  if (invocation.attempts < 0) return "an invocation's attempts must not be negative";
  if (invocation.phase == AsyncPhase::running && invocation.attempts == 0)
    return "an invocation that runs must have an attempt";
  if (invocation.phase == AsyncPhase::failing && invocation.failure.empty())
    return "an invocation that fails must have a failure reason";
  return {};
}

const store::Table<AsyncInvocation>& async_invocations() {
  static const store::Table<AsyncInvocation> table("sagemaker_async_invocations", {}, &invariant);
  return table;
}

std::string async_invocation_key(const AsyncInvocation& invocation) {
  return store::key({invocation.account, invocation.region, invocation.endpoint, invocation.id});
}

std::string async_invocation_id(Timestamp received, Random& random) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%020lld-", static_cast<long long>(received.microseconds));
  return digits + make_token(random, 8);
}

engine::Step<AsyncInvocation> begin_async_invocation(AsyncInvocation invocation) {
  engine::Task timer{.type = tasks::kExpire, .delay = invocation.expires - invocation.received};
  return {std::move(invocation), {std::move(timer)}};
}

Result<Next> async_transition(const AsyncInvocation& invocation, const engine::Event& event,
                              Timestamp now) {
  return table()(invocation, event, now);
}

RoleUse role_use(const AsyncInvocation& invocation) {
  return {invocation.role_arn, invocation.account, invocation.region, invocation.role_since};
}

}  // namespace tidemill::services::sagemaker::hosting
