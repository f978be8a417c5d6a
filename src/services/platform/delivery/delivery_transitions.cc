#include "services/platform/delivery/delivery.h"
#include "services/platform/delivery/delivery_events.h"

namespace tidemill::services::platform {

namespace {

using Next = std::optional<engine::Step<DeliveryRecord>>;

Next bury(DeliveryRecord record, std::string why) {
  record.state = DeliveryState::dead;
  record.exhausted = std::move(why);
  return engine::Step<DeliveryRecord>{std::move(record), {{.type = delivery_tasks::kBury}}};
}

Next failed(DeliveryRecord record, const AttemptFailed& event, Timestamp now) {
  if (record.state != DeliveryState::waiting) return {};
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

}  // namespace

Result<Next> delivery_transition(const DeliveryRecord& record, const engine::Event& event,
                                 Timestamp now) {
  if (event.type == AttemptFailed::kType)
    return failed(record, TRY(engine::payload_of<AttemptFailed>(event)), now);
  // Burying failed for good, or a driver threw again and again.
  if (event.type == "TaskFailed") return Next();
  return fail(codes::kInvalid, "a delivery knows no event " + event.type);
}

}  // namespace tidemill::services::platform
