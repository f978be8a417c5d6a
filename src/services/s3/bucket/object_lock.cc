// The object lock of a bucket: whether its versions can be kept from deletion, and for how long new
// ones are.
#include "services/s3/bucket/bucket.h"
#include "services/s3/common/register.h"

namespace tidemill::services::s3 {

namespace {

constexpr std::int64_t kDaysMax = 36'500;
constexpr std::int64_t kYearsMax = 100;

Result<std::optional<DefaultRetentionRecord>> default_retention(
    const model::ObjectLockConfiguration& wanted) {
  if (!wanted.rule) return std::optional<DefaultRetentionRecord>();
  if (!wanted.rule->default_retention) return fail(malformed_xml());
  const model::DefaultRetention& retention = *wanted.rule->default_retention;
  if (retention.default_event_hold)
    return fail(not_implemented("Tidemill has no event holds: leave out DefaultEventHold."));
  if (retention.mode != "GOVERNANCE" && retention.mode != "COMPLIANCE")
    return fail(malformed_xml());
  if (retention.days.has_value() == retention.years.has_value()) return fail(malformed_xml());
  const std::int64_t period = retention.days ? *retention.days : *retention.years;
  if (period <= 0)
    return fail(Error{"InvalidArgument",
                      "Default retention period must be a positive integer value.", 400});
  if (period > (retention.days ? kDaysMax : kYearsMax))
    return fail(Error{"InvalidArgument", "Default retention period too large.", 400});
  return std::optional(DefaultRetentionRecord{*retention.mode, retention.days, retention.years});
}

Result<model::PutObjectLockConfigurationOutput> put_object_lock(
    Core& core, Context& context, const model::PutObjectLockConfigurationRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  if (!request.object_lock_configuration ||
      request.object_lock_configuration->object_lock_enabled != "Enabled")
    return fail(malformed_xml());
  BucketLockRecord lock{TRY(default_retention(*request.object_lock_configuration))};
  TRY(core.buckets.change(*bucket, [&](BucketRecord& record) -> Result<void> {
    if (record.versioning != "Enabled")
      return fail(Error{"InvalidBucketState",
                        "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                        "configuration",
                        409});
    record.object_lock = std::move(lock);
    return {};
  }));
  return model::PutObjectLockConfigurationOutput{};
}

Result<model::GetObjectLockConfigurationOutput> get_object_lock(
    Core& core, Context& context, const model::GetObjectLockConfigurationRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  const auto record = core.buckets.record(*bucket);
  if (!record->object_lock)
    return fail(Error{"ObjectLockConfigurationNotFoundError",
                      "Object Lock configuration does not exist for this bucket",
                      404,
                      {{"BucketName", bucket->name}}});
  model::GetObjectLockConfigurationOutput output;
  model::ObjectLockConfiguration& configuration = output.object_lock_configuration.ensure();
  configuration.object_lock_enabled = "Enabled";
  if (const auto& kept = record->object_lock->retention) {
    model::DefaultRetention& retention = configuration.rule.ensure().default_retention.ensure();
    retention.mode = kept->mode;
    retention.days = kept->days;
    retention.years = kept->years;
  }
  return output;
}

}  // namespace

void add_bucket_lock_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutObjectLockConfiguration>(registry, core, put_object_lock);
  add<op::GetObjectLockConfiguration>(registry, core, get_object_lock);
}

}  // namespace tidemill::services::s3
