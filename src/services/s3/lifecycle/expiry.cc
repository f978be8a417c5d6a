#include "services/s3/lifecycle/expiry.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "services/s3/bucket/configurations.h"
#include "services/s3/lifecycle/rules.h"

namespace tidemill::services::s3 {

std::optional<std::string> expiration_header(const Core& core, const Bucket& bucket,
                                             std::string_view key, const ObjectRecord& object) {
  const std::shared_ptr<const BucketRecord> record = core.buckets.record(bucket);
  if (!record->configurations || !record->configurations->contains(std::string(kLifecycle)))
    return std::nullopt;
  const auto kept = configuration<api::s3::BucketLifecycleConfiguration>(core, bucket, kLifecycle);
  if (!kept || !*kept) return std::nullopt;
  std::optional<Timestamp> soonest;
  std::string id;
  for (const ActiveRule& rule : active_rules(**kept)) {
    const std::optional<Timestamp> at = rule.object_expires(object.modified);
    if (!at || (soonest && *soonest <= *at) || !rule.matches(key, object)) continue;
    soonest = at;
    id = rule.id();
  }
  if (!soonest) return std::nullopt;
  return "expiry-date=\"" + format_http_date(*soonest) + "\", rule-id=\"" + percent_encode(id) +
         "\"";
}

}  // namespace tidemill::services::s3
