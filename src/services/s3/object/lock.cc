#include "services/s3/object/lock.h"

#include "services/s3/common/register.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
constexpr std::int64_t kYearDays = 365;

Error protected_by_lock() {
  return {"AccessDenied", "Access Denied because object protected by object lock.", 403};
}
Error no_bucket_lock() { return invalid_request("Bucket is missing Object Lock Configuration"); }
Error no_object_lock() {
  return {"NoSuchObjectLockConfiguration",
          "The specified object does not have a ObjectLock configuration", 404};
}

bool is_mode(const std::string& mode) { return mode == kGovernance || mode == kCompliance; }

Timestamp end_of(const DefaultRetentionRecord& retention, Timestamp now) {
  const std::int64_t days =
      retention.days ? *retention.days : retention.years.value_or(0) * kYearDays;
  return {now.microseconds + days * kDayMicroseconds};
}

bool retained(const LockRecord& lock, Timestamp now) {
  return lock.mode && lock.retain_until && *lock.retain_until > now;
}

// May the retention of a version become `next`?
Result<void> check_change(const LockRecord& lock, const model::ObjectLockRetention& next,
                          Timestamp now, bool bypass) {
  if (!retained(lock, now)) return {};
  const bool longer = next.mode == lock.mode && next.retain_until_date &&
                      *next.retain_until_date >= *lock.retain_until;
  if (longer || (*lock.mode == kGovernance && bypass)) return {};
  return fail(protected_by_lock());
}

template <class Request>
Result<std::shared_ptr<Bucket>> locked_bucket(Core& core, const Context& context,
                                              const Request& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_version_id(request.version_id));
  if (!core.buckets.record(*bucket)->object_lock) return fail(no_bucket_lock());
  return bucket;
}

Result<model::PutObjectRetentionOutput> put_object_retention(
    Core& core, Context& context, const model::PutObjectRetentionRequest& request) {
  auto bucket = TRY(locked_bucket(core, context, request));
  if (!request.retention) return fail(malformed_xml());
  const model::ObjectLockRetention& next = *request.retention;
  if (next.event_hold || next.event_hold_duration)
    return fail(not_implemented("Tidemill has no event holds: leave out EventHold."));
  if (next.mode.has_value() != next.retain_until_date.has_value() ||
      (next.mode && !is_mode(*next.mode)))
    return fail(malformed_xml());
  const Timestamp now = core.clock.now();
  if (next.retain_until_date && *next.retain_until_date <= now)
    return fail(invalid_argument("The retain until date must be in the future!", "RetainUntilDate",
                                 format_iso8601(*next.retain_until_date)));
  const bool bypass = may_bypass_governance(core, context, request.bucket, request.key,
                                            request.bypass_governance_retention);
  auto change = [&](ObjectRecord& object) -> Result<void> {
    LockRecord lock = object.lock.value_or(LockRecord{});
    TRY(check_change(lock, next, now, bypass));
    lock.mode = next.mode;
    lock.retain_until = next.retain_until_date;
    object.lock = std::move(lock);
    return {};
  };
  TRY(core.objects.update(*bucket, request.key, request.version_id, change));
  return model::PutObjectRetentionOutput{};
}

Result<model::GetObjectRetentionOutput> get_object_retention(
    Core& core, Context& context, const model::GetObjectRetentionRequest& request) {
  auto bucket = TRY(locked_bucket(core, context, request));
  StoredObjectPtr object =
      TRY(require_object(core, context, *bucket, request.key, request.version_id));
  const std::optional<LockRecord>& lock = object->record.lock;
  if (!lock || !lock->mode) return fail(no_object_lock());
  model::GetObjectRetentionOutput output;
  output.retention.ensure().mode = lock->mode;
  output.retention->retain_until_date = lock->retain_until;
  return output;
}

Result<model::PutObjectLegalHoldOutput> put_object_legal_hold(
    Core& core, Context& context, const model::PutObjectLegalHoldRequest& request) {
  auto bucket = TRY(locked_bucket(core, context, request));
  if (!request.legal_hold ||
      (request.legal_hold->status != "ON" && request.legal_hold->status != "OFF"))
    return fail(malformed_xml());
  auto change = [&](ObjectRecord& object) -> Result<void> {
    LockRecord lock = object.lock.value_or(LockRecord{});
    lock.legal_hold = request.legal_hold->status == "ON";
    object.lock = std::move(lock);
    return {};
  };
  TRY(core.objects.update(*bucket, request.key, request.version_id, change));
  return model::PutObjectLegalHoldOutput{};
}

Result<model::GetObjectLegalHoldOutput> get_object_legal_hold(
    Core& core, Context& context, const model::GetObjectLegalHoldRequest& request) {
  auto bucket = TRY(locked_bucket(core, context, request));
  StoredObjectPtr object =
      TRY(require_object(core, context, *bucket, request.key, request.version_id));
  const std::optional<LockRecord>& lock = object->record.lock;
  if (!lock || !lock->legal_hold) return fail(no_object_lock());
  model::GetObjectLegalHoldOutput output;
  output.legal_hold.ensure().status = *lock->legal_hold ? "ON" : "OFF";
  return output;
}

}  // namespace

Result<std::optional<LockRecord>> lock_of_new_version(const BucketRecord& bucket,
                                                      const WantedLock& wanted, Timestamp now) {
  if (!bucket.object_lock) {
    if (wanted.any()) return fail(no_bucket_lock());
    return std::optional<LockRecord>();
  }
  LockRecord lock;
  if (wanted.mode.has_value() != wanted.retain_until.has_value())
    return fail(invalid_argument(
        "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        wanted.mode ? "x-amz-object-lock-mode" : "x-amz-object-lock-retain-until-date",
        wanted.mode.value_or("")));
  if (wanted.mode) {
    if (!is_mode(*wanted.mode))
      return fail(
          invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", *wanted.mode));
    if (*wanted.retain_until <= now)
      return fail(invalid_argument("The retain until date must be in the future!",
                                   "x-amz-object-lock-retain-until-date",
                                   format_iso8601(*wanted.retain_until)));
    lock.mode = wanted.mode;
    lock.retain_until = wanted.retain_until;
  } else if (const auto& retention = bucket.object_lock->retention) {
    lock.mode = retention->mode;
    lock.retain_until = end_of(*retention, now);
  }
  if (wanted.legal_hold) {
    if (*wanted.legal_hold != "ON" && *wanted.legal_hold != "OFF")
      return fail(invalid_argument("Legal Hold must be either of 'ON' or 'OFF'",
                                   "x-amz-object-lock-legal-hold", *wanted.legal_hold));
    lock.legal_hold = *wanted.legal_hold == "ON";
  }
  if (!lock.mode && !lock.legal_hold) return std::optional<LockRecord>();
  return std::optional(std::move(lock));
}

Result<void> check_unlocked(const ObjectRecord& version, Timestamp now, bool bypass) {
  if (!version.lock) return {};
  if (version.lock->legal_hold.value_or(false)) return fail(protected_by_lock());
  if (!retained(*version.lock, now)) return {};
  if (*version.lock->mode == kGovernance && bypass) return {};
  return fail(protected_by_lock());
}

bool may_bypass_governance(const Core& core, const Context& context, const std::string& bucket,
                           const std::string& key, const std::optional<bool>& asked) {
  if (!asked.value_or(false)) return false;
  if (!core.item_check) return true;
  ValueObject input;
  input.append("Bucket", bucket);
  input.append("Key", key);
  return core
      .item_check(context, "s3:BypassGovernanceRetention", "arn:aws:s3:::" + bucket + "/" + key,
                  Value(std::move(input)))
      .has_value();
}

void add_object_lock_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutObjectRetention>(registry, core, put_object_retention);
  add<op::GetObjectRetention>(registry, core, get_object_retention);
  add<op::PutObjectLegalHold>(registry, core, put_object_legal_hold);
  add<op::GetObjectLegalHold>(registry, core, get_object_legal_hold);
}

}  // namespace tidemill::services::s3
