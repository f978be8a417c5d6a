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

// The bucket's x-amz-transition-default-minimum-object-size.
inline constexpr std::string_view kTransitionSizes = "transitionDefaultMinimumObjectSize";
inline constexpr const char* kEveryClassFrom128K = "all_storage_classes_128K";
inline constexpr const char* kVariesByClass = "varies_by_storage_class";

// MalformedXML, InvalidArgument, InvalidRequest. Gives an id to each rule that has none.
Result<void> check_lifecycle(api::s3::BucketLifecycleConfiguration& configuration);

// One enabled rule, taken apart for the sweep.
class ActiveRule {
 public:
  // `transition_sizes` says which objects are too small to be moved, unless the rule has sizes.
  explicit ActiveRule(const api::s3::LifecycleRule& rule,
                      std::string_view transition_sizes = kEveryClassFrom128K);

  const std::string& id() const { return id_; }
  const std::string& prefix() const { return prefix_; }
  // Whether the rule is about this object or version.
  bool matches(std::string_view key, const ObjectRecord& object) const;

  bool expires_objects() const { return days_ || date_; }
  bool handles_versions() const {
    return noncurrent_days_ || expired_markers_ || days_ || !noncurrent_transitions_.empty();
  }
  bool moves_objects() const { return !transitions_.empty(); }
  bool aborts_uploads() const { return abort_days_.has_value(); }

  // Each is due at the midnight (UTC) that follows the number of days.
  bool object_is_due(Timestamp written, Timestamp now) const;
  // When the object expires; nullopt: never by this rule.
  std::optional<Timestamp> object_expires(Timestamp written) const;
  // The coldest class that the object is due for; empty: none.
  std::string_view class_due(const ObjectRecord& object, Timestamp now) const;
  // The same for a version that is no longer current.
  std::string_view noncurrent_class_due(const ObjectRecord& version, Timestamp became_noncurrent,
                                        std::int64_t newer, Timestamp now) const;
  // `newer`: how many noncurrent versions of the key are newer.
  bool noncurrent_is_due(Timestamp became_noncurrent, std::int64_t newer, Timestamp now) const;
  // A delete marker that is the key's only version.
  bool lone_marker_is_due(Timestamp written, Timestamp now) const;
  bool upload_is_due(Timestamp initiated, Timestamp now) const;

 private:
  struct Transition {
    std::string storage_class;
    std::optional<std::int64_t> days;
    std::optional<Timestamp> date;
    std::int64_t newer_kept = 0;
  };
  bool is_large_enough(const ObjectRecord& object, std::string_view storage_class) const;

  std::string id_;
  std::string prefix_;
  bool small_objects_stay_ = true;  // in every class
  std::vector<Transition> transitions_;
  std::vector<Transition> noncurrent_transitions_;
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
std::vector<ActiveRule> active_rules(const api::s3::BucketLifecycleConfiguration& configuration,
                                     std::string_view transition_sizes = kEveryClassFrom128K);

}  // namespace tidemill::services::s3
