// EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion, UpdateKeyDescription.
#include "api/kms/key.h"
#include "services/kms/common/keys.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::int64_t kWindowDaysMin = 7, kWindowDaysMax = 30;

Result<KeyRecord> change_by_id(Core& core, const Context& context, const std::string& key_id,
                               const char* deed,
                               const std::function<Result<void>(KeyRecord&)>& change) {
  const KeyRecord key = TRY(find_key_by_id(core, context, key_id));
  TRY(check_customer_managed(key, deed));
  return change_key(core, key.id, change);
}

Result<api::Empty> enable_key(Core& core, Context& context,
                              const model::EnableKeyRequest& request) {
  TRY(change_by_id(core, context, request.key_id, "enable", [](KeyRecord& key) -> Result<void> {
    TRY(check_not_pending_deletion(key));
    key.state = "Enabled";
    return {};
  }));
  return api::Empty{};
}

Result<api::Empty> disable_key(Core& core, Context& context,
                               const model::DisableKeyRequest& request) {
  TRY(change_by_id(core, context, request.key_id, "disable", [](KeyRecord& key) -> Result<void> {
    TRY(check_not_pending_deletion(key));
    key.state = "Disabled";
    return {};
  }));
  return api::Empty{};
}

Result<model::ScheduleKeyDeletionResponse> schedule_key_deletion(
    Core& core, Context& context, const model::ScheduleKeyDeletionRequest& request) {
  const std::int64_t days = request.pending_window_in_days.value_or(kWindowDaysMax);
  if (days < kWindowDaysMin || days > kWindowDaysMax)
    return invalid("PendingWindowInDays must be between 7 and 30 (inclusive).");
  const KeyRecord key = TRY(change_by_id(core, context, request.key_id, "schedule the deletion of",
                                         [&](KeyRecord& key) -> Result<void> {
                                           TRY(check_not_pending_deletion(key));
                                           key.state = "PendingDeletion";
                                           key.pending_window_days = days;
                                           key.deletion =
                                               core.clock.now() + std::chrono::days(days);
                                           return {};
                                         }));
  model::ScheduleKeyDeletionResponse output;
  output.key_id = key.arn();
  output.deletion_date = key.deletion;
  output.key_state = key.state;
  output.pending_window_in_days = days;
  return output;
}

Result<model::CancelKeyDeletionResponse> cancel_key_deletion(
    Core& core, Context& context, const model::CancelKeyDeletionRequest& request) {
  const KeyRecord key = TRY(change_by_id(
      core, context, request.key_id, "cancel the deletion of", [&](KeyRecord& key) -> Result<void> {
        if (key.state != "PendingDeletion")
          return fail(model::errors::kKMSInvalidStateException,
                      key.arn() + " is not pending deletion.", 400);
        // The waiting period may end between the search and this change.
        if (key.deletion && *key.deletion <= core.clock.now())
          return not_found("Key '" + key.arn() + "' does not exist");
        key.state = "Disabled";
        key.deletion.reset();
        key.pending_window_days = 0;
        return {};
      }));
  model::CancelKeyDeletionResponse output;
  output.key_id = key.arn();
  return output;
}

Result<api::Empty> update_key_description(Core& core, Context& context,
                                          const model::UpdateKeyDescriptionRequest& request) {
  TRY(change_by_id(core, context, request.key_id, "describe", [&](KeyRecord& key) -> Result<void> {
    TRY(check_not_pending_deletion(key));
    key.description = request.description;
    return {};
  }));
  return api::Empty{};
}

}  // namespace

void add_key_state_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::EnableKey>(registry, core, enable_key);
  add<op::DisableKey>(registry, core, disable_key);
  add<op::ScheduleKeyDeletion>(registry, core, schedule_key_deletion);
  add<op::CancelKeyDeletion>(registry, core, cancel_key_deletion);
  add<op::UpdateKeyDescription>(registry, core, update_key_description);
}

}  // namespace tidemill::services::kms
