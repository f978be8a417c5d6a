#include "services/sagemaker/hosting/async_inference/async_invocation.h"

#include "services/sagemaker/hosting/async_inference/ports.h"

#include <cstdio>

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(AsyncInvocation)
namespace {

using engine::text_of;
using Next = std::optional<engine::Step<AsyncInvocation>>;
namespace events = async_events;
namespace tasks = async_tasks;

Next failed(AsyncInvocation invocation, std::string reason) {
  invocation.phase = AsyncPhase::failing;
  invocation.failure = std::move(reason);
  return engine::Step<AsyncInvocation>{std::move(invocation), {{.type = tasks::kWriteFailure}}};
}

Next expired(AsyncInvocation invocation) {
  const auto seconds = (invocation.expires - invocation.received) / std::chrono::seconds(1);
  return failed(std::move(invocation), "The request expired: it was not processed within the " +
                                           std::to_string(seconds) +
                                           " seconds that RequestTTLSeconds gives it.");
}

// Its timer may have rung while it was running: then nothing else ends the wait.
Next back_to_queue(AsyncInvocation invocation, Timestamp now) {
  if (invocation.overdue || now >= invocation.expires) return expired(std::move(invocation));
  invocation.phase = AsyncPhase::queued;
  return engine::Step<AsyncInvocation>{std::move(invocation)};
}

Next interrupted(AsyncInvocation invocation, const std::string& reason, Timestamp now) {
  if (invocation.phase != AsyncPhase::running) return {};
  if (invocation.attempts >= kAsyncAttemptsMax)
    return failed(std::move(invocation), "The invocation was begun " +
                                             std::to_string(kAsyncAttemptsMax) +
                                             " times and never came to an end: " + reason);
  return back_to_queue(std::move(invocation), now);
}

}  // namespace

const store::Table<AsyncInvocation>& async_invocations() {
  static const store::Table<AsyncInvocation> table("sagemaker_async_invocations");
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

engine::Event async_event(const char* type, std::string reason) {
  ValueObject payload;
  if (!reason.empty()) payload.set("reason", std::move(reason));
  return {type, std::move(payload)};
}

engine::Step<AsyncInvocation> begin_async_invocation(AsyncInvocation invocation) {
  engine::Task timer{.type = tasks::kExpire, .delay = invocation.expires - invocation.received};
  return {std::move(invocation), {std::move(timer)}};
}

Result<Next> async_transition(const AsyncInvocation& invocation, const engine::Event& event,
                              Timestamp now) {
  const AsyncPhase phase = invocation.phase;
  if (event.type == events::kDispatched) {
    if (phase != AsyncPhase::queued || now >= invocation.expires) return Next();
    engine::Step<AsyncInvocation> step{invocation};
    step.next.phase = AsyncPhase::running;
    step.next.attempts += 1;
    return Next(std::move(step));
  }
  if (event.type == events::kReleased) {
    if (phase != AsyncPhase::running) return Next();
    AsyncInvocation back = invocation;
    back.attempts -= 1;
    return back_to_queue(std::move(back), now);
  }
  if (event.type == events::kInterrupted)
    return interrupted(invocation, text_of(event.payload, "reason"), now);
  if (event.type == events::kFailed) {
    if (phase == AsyncPhase::failing) return Next();
    return failed(invocation, text_of(event.payload, "reason"));
  }
  if (event.type == events::kExpired) {
    // The timer decides, not the wall clock: it rings once, and the clock may have been set back.
    if (phase == AsyncPhase::queued) return expired(invocation);
    if (phase != AsyncPhase::running) return Next();
    engine::Step<AsyncInvocation> step{invocation};
    step.next.overdue = true;
    return Next(std::move(step));
  }
  if (event.type == events::kTaskFailed) {
    // Only the failure's object is written by a task; where it cannot be, the log has it.
    if (phase != AsyncPhase::failing || text_of(event.payload, "task") == tasks::kRemove)
      return Next();
    return Next(engine::Step<AsyncInvocation>{invocation, {{.type = tasks::kRemove}}});
  }
  return fail(codes::kInvalid, "an asynchronous invocation knows no event " + event.type);
}

RoleUse role_use(const AsyncInvocation& invocation) {
  return {invocation.role_arn, invocation.account, invocation.region};
}

}  // namespace tidemill::services::sagemaker::hosting
