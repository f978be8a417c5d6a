// The lifecycle rules of a bucket: which are accepted, and what is due when.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/s3/bucket.h"
#include "services/s3/common/buckets.h"
#include "services/s3/common/records.h"

namespace tidemill::services::s3 {

inline constexpr std::string_view kLifecycle = "lifecycle";

// MalformedXML, InvalidArgument, InvalidRequest; NotImplemented for transitions. Gives an id to
// each rule that has none.
Result<void> check_lifecycle(api::s3::BucketLifecycleConfiguration& configuration);

// One enabled rule, taken apart for the sweep.
class ActiveRule {
 public:
  explicit ActiveRule(const api::s3::LifecycleRule& rule);

  const std::string& prefix() const { return prefix_; }
  // Whether the rule is about this object or version.
  bool matches(std::string_view key, const ObjectRecord& object) const;

  bool expires_objects() const { return days_ || date_; }
  bool handles_versions() const { return noncurrent_days_ || expired_markers_ || days_; }
  bool aborts_uploads() const { return abort_days_.has_value(); }

  // Each is due at the midnight (UTC) that follows the number of days.
  bool object_is_due(Timestamp written, Timestamp now) const;
  // `newer`: how many noncurrent versions of the key are newer.
  bool noncurrent_is_due(Timestamp became_noncurrent, std::int64_t newer, Timestamp now) const;
  // A delete marker that is the key's only version.
  bool lone_marker_is_due(Timestamp written, Timestamp now) const;
  bool upload_is_due(Timestamp initiated, Timestamp now) const;

 private:
  std::string prefix_;
  std::vector<TagRecord> tags_;
  std::optional<std::int64_t> larger_than_;
  std::optional<std::int64_t> smaller_than_;
  std::optional<std::int64_t> days_;
  std::optional<Timestamp> date_;
  bool expired_markers_ = false;
  std::optional<std::int64_t> noncurrent_days_;
  std::int64_t noncurrent_kept_ = 0;
  std::optional<std::int64_t> abort_days_;
};

// Those that are enabled.
std::vector<ActiveRule> active_rules(const api::s3::BucketLifecycleConfiguration& configuration);

}  // namespace tidemill::services::s3
