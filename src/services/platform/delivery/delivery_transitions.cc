#include "engine/transitions.h"
#include "services/platform/delivery/delivery.h"
#include "services/platform/delivery/delivery_events.h"

namespace tidemill::services::platform {

namespace {

using Table = engine::Transitions<DeliveryRecord, DeliveryState>;
using Next = Table::Next;

Next bury(DeliveryRecord record, std::string why) {
  record.state = DeliveryState::dead;
  record.exhausted = std::move(why);
  return engine::Step<DeliveryRecord>{std::move(record), {{.type = delivery_tasks::kBury}}};
}

Next failed(DeliveryRecord record, const AttemptFailed& event, Timestamp now) {
  ++record.attempts;
  record.code = event.code;
  record.message = event.message;
  if (event.refused) return bury(std::move(record), "NonRetryable");
  const DeliveryPolicy& policy = record.delivery.policy;
  if (record.attempts > policy.retries_max) return bury(std::move(record), "MaximumRetryAttempts");
  const std::chrono::milliseconds delay(event.delay_milliseconds);
  if (now + delay - record.created > std::chrono::seconds(policy.event_age_seconds_max))
    return bury(std::move(record), "MaximumEventAgeInSeconds");
  return engine::Step<DeliveryRecord>{std::move(record),
                                      {{.type = delivery_tasks::kAttempt, .delay = delay}}};
}

// Sets a timer: a retry by the engine would hold the lane until the next attempt.
Next bury_failed(DeliveryRecord record, const BuryFailed& event, Timestamp) {
  ++record.bury_attempts;
  const std::chrono::milliseconds delay(event.delay_milliseconds);
  return engine::Step<DeliveryRecord>{std::move(record),
                                      {{.type = delivery_tasks::kBury, .delay = delay}}};
}

// Only the erasing of the record remains: neither the payload nor its dead letter is sent again.
Next forget_failed(DeliveryRecord record, const ForgetFailed&, Timestamp) {
  constexpr std::chrono::seconds kLater{5};
  record.state = DeliveryState::over;
  return engine::Step<DeliveryRecord>{std::move(record),
                                      {{.type = delivery_tasks::kForget, .delay = kLater}}};
}

// A task that failed unexpectedly runs again later, so that its work is not lost.
Next task_failed(const DeliveryRecord& record, const engine::TaskFailure& failure, Timestamp) {
  constexpr std::chrono::minutes kLater{1};
  return engine::Step<DeliveryRecord>{record, {{.type = failure.task, .delay = kLater}}};
}

const Table& table() {
  static const Table rows("a delivery", &DeliveryRecord::state,
                          {Table::on<AttemptFailed>({DeliveryState::waiting}, &failed),
                           Table::on<BuryFailed>({DeliveryState::dead}, &bury_failed),
                           Table::on_any<ForgetFailed>(&forget_failed),
                           Table::on_any<engine::TaskFailure>(&task_failed)});
  return rows;
}

}  // namespace

Result<Next> delivery_transition(const DeliveryRecord& record, const engine::Event& event,
                                 Timestamp now) {
  return table()(record, event, now);
}

}  // namespace tidemill::services::platform
