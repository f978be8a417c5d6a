#include "services/s3/lifecycle/rules.h"

#include <algorithm>
#include <set>

#include "services/s3/common/errors.h"
#include "services/s3/common/tags.h"
#include "services/s3/object/storage_class.h"

namespace tidemill::services::s3 {

namespace {

namespace model = api::s3;

constexpr std::size_t kRulesMax = 1000;
constexpr std::size_t kIdLengthMax = 255;
constexpr std::int64_t kNewerVersionsMax = 100;
constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
constexpr std::int64_t kInfrequentDaysMin = 30;
// Smaller objects stay where they are: moving them would cost more than it saves.
constexpr std::uint64_t kTransitionBytesMin = 128 << 10;

bool due(Timestamp since, std::int64_t days, Timestamp now) {
  return now >= midnight_after(since, days);
}

Error bad_argument(std::string message) { return {"InvalidArgument", std::move(message), 400}; }

Result<void> check_positive(const std::optional<std::int64_t>& days, const char* name,
                            const char* action) {
  if (!days) return fail(malformed_xml());
  if (*days > 0) return {};
  return fail(bad_argument("'" + std::string(name) + "' for " + action +
                           " action must be a positive integer"));
}

Result<void> check_newer(const std::optional<std::int64_t>& newer) {
  if (newer.value_or(1) >= 1 && newer.value_or(1) <= kNewerVersionsMax) return {};
  return fail(bad_argument("'NewerNoncurrentVersions' must be between 1 and 100"));
}

Result<void> check_expiration(const model::LifecycleExpiration& expiration) {
  const int given = int(expiration.days.has_value()) + int(expiration.date.has_value()) +
                    int(expiration.expired_object_delete_marker.has_value());
  if (given != 1) return fail(malformed_xml());
  if (expiration.days) TRY(check_positive(expiration.days, "Days", "Expiration"));
  if (expiration.date && expiration.date->microseconds % kDayMicroseconds != 0)
    return fail(bad_argument("'Date' must be at midnight GMT"));
  return {};
}

Result<void> check_filter(const model::LifecycleRule& rule) {
  // The older form has the prefix in the rule itself.
  if (rule.prefix.has_value() == static_cast<bool>(rule.filter)) return fail(malformed_xml());
  if (!rule.filter) return {};
  const model::LifecycleRuleFilter& filter = *rule.filter;
  const int given = int(filter.prefix.has_value()) + int(static_cast<bool>(filter.tag)) +
                    int(filter.object_size_greater_than.has_value()) +
                    int(filter.object_size_less_than.has_value()) +
                    int(static_cast<bool>(filter.and_));
  if (given > 1) return fail(malformed_xml());
  std::vector<model::Tag> tags;
  std::optional<std::int64_t> larger = filter.object_size_greater_than;
  std::optional<std::int64_t> smaller = filter.object_size_less_than;
  if (filter.tag) tags.push_back(*filter.tag);
  if (filter.and_) {
    if (filter.and_->tags) tags = *filter.and_->tags;
    larger = filter.and_->object_size_greater_than;
    smaller = filter.and_->object_size_less_than;
  }
  TRY(check_tags(tags, limits::object_tags_max));
  if (larger.value_or(0) < 0 || smaller.value_or(1) < 1)
    return fail(bad_argument("'ObjectSizeGreaterThan' and 'ObjectSizeLessThan' must be positive"));
  if (larger && smaller && *larger >= *smaller)
    return fail(invalid_request(
        "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'"));
  return {};
}

bool has_tags_or_sizes(const model::LifecycleRule& rule) {
  if (!rule.filter) return false;
  const model::LifecycleRuleFilter& filter = *rule.filter;
  return filter.tag || filter.object_size_greater_than || filter.object_size_less_than ||
         (filter.and_ && (filter.and_->tags || filter.and_->object_size_greater_than ||
                          filter.and_->object_size_less_than));
}

bool is_infrequent_access(std::string_view storage_class) {
  return storage_class == "STANDARD_IA" || storage_class == "ONEZONE_IA";
}

Result<void> check_target(const std::optional<std::string>& storage_class,
                          std::set<std::string>& seen) {
  if (!storage_class || coldness_of(*storage_class) == 0) return fail(malformed_xml());
  if (!seen.insert(*storage_class).second)
    return fail(
        invalid_request("'StorageClass' must be different for 'Transition' actions in "
                        "same 'Rule'"));
  return {};
}

Result<void> check_transitions(const model::LifecycleRule& rule) {
  std::set<std::string> seen;
  const std::optional<std::int64_t> expires =
      rule.expiration ? rule.expiration->days : std::nullopt;
  bool by_date = false, by_days = false;
  for (const model::Transition& transition :
       rule.transitions.value_or(std::vector<model::Transition>())) {
    TRY(check_target(transition.storage_class, seen));
    if (transition.days.has_value() == transition.date.has_value()) return fail(malformed_xml());
    (transition.days ? by_days : by_date) = true;
    if (by_date && by_days)
      return fail(invalid_request(
          "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule"));
    if (transition.date && transition.date->microseconds % kDayMicroseconds != 0)
      return fail(bad_argument("'Date' must be at midnight GMT"));
    if (!transition.days) continue;
    if (*transition.days < 0)
      return fail(bad_argument("'Days' in Transition action must be nonnegative"));
    if (is_infrequent_access(*transition.storage_class) && *transition.days < kInfrequentDaysMin)
      return fail(
          bad_argument("'Days' in Transition action must be greater than or equal to 30 "
                       "for storageClass '" +
                       *transition.storage_class + "'"));
    if (expires && *expires <= *transition.days)
      return fail(
          bad_argument("'Days' in the Expiration action must be greater than 'Days' in "
                       "the Transition action"));
  }
  return {};
}

Result<void> check_noncurrent_transitions(const model::LifecycleRule& rule) {
  std::set<std::string> seen;
  for (const auto& transition : rule.noncurrent_version_transitions.value_or(
           std::vector<model::NoncurrentVersionTransition>())) {
    TRY(check_target(transition.storage_class, seen));
    if (!transition.noncurrent_days) return fail(malformed_xml());
    if (*transition.noncurrent_days < 0)
      return fail(
          bad_argument("'NoncurrentDays' in NoncurrentVersionTransition action must be "
                       "nonnegative"));
    if (is_infrequent_access(*transition.storage_class) &&
        *transition.noncurrent_days < kInfrequentDaysMin)
      return fail(
          bad_argument("'NoncurrentDays' in NoncurrentVersionTransition action must be "
                       "greater than or equal to 30 for storageClass '" +
                       *transition.storage_class + "'"));
    TRY(check_newer(transition.newer_noncurrent_versions));
  }
  return {};
}

Result<void> check_actions(const model::LifecycleRule& rule) {
  const bool moves =
      (rule.transitions && !rule.transitions->empty()) ||
      (rule.noncurrent_version_transitions && !rule.noncurrent_version_transitions->empty());
  TRY(check_transitions(rule));
  TRY(check_noncurrent_transitions(rule));
  if (!moves && !rule.expiration && !rule.noncurrent_version_expiration &&
      !rule.abort_incomplete_multipart_upload)
    return fail(invalid_request("At least one action needs to be specified in a rule"));
  if (rule.expiration) TRY(check_expiration(*rule.expiration));
  if (rule.noncurrent_version_expiration) {
    const auto& noncurrent = *rule.noncurrent_version_expiration;
    TRY(check_positive(noncurrent.noncurrent_days, "NoncurrentDays",
                       "NoncurrentVersionExpiration"));
    TRY(check_newer(noncurrent.newer_noncurrent_versions));
  }
  if (rule.abort_incomplete_multipart_upload)
    TRY(check_positive(rule.abort_incomplete_multipart_upload->days_after_initiation,
                       "DaysAfterInitiation", "AbortIncompleteMultipartUpload"));
  if (!has_tags_or_sizes(rule)) return {};
  if (rule.abort_incomplete_multipart_upload)
    return fail(invalid_request(
        "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes."));
  if (rule.expiration && rule.expiration->expired_object_delete_marker)
    return fail(invalid_request(
        "ExpiredObjectDeleteMarker cannot be specified with Tags or object sizes."));
  return {};
}

}  // namespace

Result<void> check_lifecycle(model::BucketLifecycleConfiguration& configuration) {
  if (configuration.rules.empty() || configuration.rules.size() > kRulesMax)
    return fail(malformed_xml());
  std::set<std::string> ids;
  for (const model::LifecycleRule& rule : configuration.rules) {
    if (rule.status != "Enabled" && rule.status != "Disabled") return fail(malformed_xml());
    if (rule.id && rule.id->size() > kIdLengthMax)
      return fail(bad_argument("ID length should not exceed allowed limit of 255"));
    if (rule.id && !rule.id->empty() && !ids.insert(*rule.id).second)
      return fail(bad_argument("Rule ID must be unique. Found same ID for more than one rule"));
    TRY(check_filter(rule));
    TRY(check_actions(rule));
  }
  std::size_t number = 0;
  for (model::LifecycleRule& rule : configuration.rules) {
    while (!rule.id || rule.id->empty()) {
      std::string id = "rule-" + std::to_string(++number);
      if (ids.insert(id).second) rule.id = std::move(id);
    }
  }
  return {};
}

ActiveRule::ActiveRule(const model::LifecycleRule& rule, std::string_view transition_sizes)
    : id_(rule.id.value_or("")), small_objects_stay_(transition_sizes != kVariesByClass) {
  prefix_ = rule.prefix.value_or("");
  for (const model::Transition& transition :
       rule.transitions.value_or(std::vector<model::Transition>()))
    transitions_.push_back(
        {transition.storage_class.value_or(""), transition.days, transition.date});
  for (const auto& transition : rule.noncurrent_version_transitions.value_or(
           std::vector<model::NoncurrentVersionTransition>()))
    noncurrent_transitions_.push_back({transition.storage_class.value_or(""),
                                       transition.noncurrent_days, std::nullopt,
                                       transition.newer_noncurrent_versions.value_or(0)});
  if (rule.filter) {
    const model::LifecycleRuleFilter& filter = *rule.filter;
    std::vector<model::Tag> tags;
    if (filter.and_) {
      prefix_ = filter.and_->prefix.value_or("");
      tags = filter.and_->tags.value_or(std::vector<model::Tag>());
      larger_than_ = filter.and_->object_size_greater_than;
      smaller_than_ = filter.and_->object_size_less_than;
    } else {
      prefix_ = filter.prefix.value_or("");
      if (filter.tag) tags.push_back(*filter.tag);
      larger_than_ = filter.object_size_greater_than;
      smaller_than_ = filter.object_size_less_than;
    }
    for (const model::Tag& tag : tags) tags_.push_back({tag.key, tag.value});
  }
  if (rule.expiration) {
    days_ = rule.expiration->days;
    date_ = rule.expiration->date;
    expired_markers_ = rule.expiration->expired_object_delete_marker.value_or(false);
  }
  if (rule.noncurrent_version_expiration) {
    noncurrent_days_ = rule.noncurrent_version_expiration->noncurrent_days;
    noncurrent_kept_ = rule.noncurrent_version_expiration->newer_noncurrent_versions.value_or(0);
  }
  if (rule.abort_incomplete_multipart_upload)
    abort_days_ = rule.abort_incomplete_multipart_upload->days_after_initiation;
}

bool ActiveRule::matches(std::string_view key, const ObjectRecord& object) const {
  if (!key.starts_with(prefix_)) return false;
  if (larger_than_ && object.size <= std::uint64_t(*larger_than_)) return false;
  if (smaller_than_ && object.size >= std::uint64_t(*smaller_than_)) return false;
  return std::ranges::all_of(tags_, [&](const TagRecord& tag) {
    return object.tags && std::ranges::find(*object.tags, tag) != object.tags->end();
  });
}

bool ActiveRule::object_is_due(Timestamp written, Timestamp now) const {
  const std::optional<Timestamp> at = object_expires(written);
  return at && now >= *at;
}

std::optional<Timestamp> ActiveRule::object_expires(Timestamp written) const {
  if (date_) return date_;
  return days_ ? std::optional(midnight_after(written, *days_)) : std::nullopt;
}

bool ActiveRule::is_large_enough(const ObjectRecord& object, std::string_view storage_class) const {
  if (larger_than_ || smaller_than_ || object.size >= kTransitionBytesMin) return true;
  return !small_objects_stay_ && is_archive_class(storage_class);
}

std::string_view ActiveRule::class_due(const ObjectRecord& object, Timestamp now) const {
  std::string_view coldest;
  for (const Transition& transition : transitions_) {
    const bool is_due = transition.date ? now >= *transition.date
                                        : due(object.modified, transition.days.value_or(0), now);
    if (is_due && is_large_enough(object, transition.storage_class) &&
        coldness_of(transition.storage_class) > coldness_of(coldest))
      coldest = transition.storage_class;
  }
  return coldest;
}

std::string_view ActiveRule::noncurrent_class_due(const ObjectRecord& version,
                                                  Timestamp became_noncurrent, std::int64_t newer,
                                                  Timestamp now) const {
  std::string_view coldest;
  for (const Transition& transition : noncurrent_transitions_)
    if (newer >= transition.newer_kept &&
        due(became_noncurrent, transition.days.value_or(0), now) &&
        is_large_enough(version, transition.storage_class) &&
        coldness_of(transition.storage_class) > coldness_of(coldest))
      coldest = transition.storage_class;
  return coldest;
}

bool ActiveRule::noncurrent_is_due(Timestamp became_noncurrent, std::int64_t newer,
                                   Timestamp now) const {
  return noncurrent_days_ && newer >= noncurrent_kept_ &&
         due(became_noncurrent, *noncurrent_days_, now);
}

bool ActiveRule::lone_marker_is_due(Timestamp written, Timestamp now) const {
  return expired_markers_ || (days_ && due(written, *days_, now));
}

bool ActiveRule::upload_is_due(Timestamp initiated, Timestamp now) const {
  return abort_days_ && due(initiated, *abort_days_, now);
}

std::vector<ActiveRule> active_rules(const model::BucketLifecycleConfiguration& configuration,
                                     std::string_view transition_sizes) {
  std::vector<ActiveRule> rules;
  for (const model::LifecycleRule& rule : configuration.rules)
    if (rule.status == "Enabled") rules.emplace_back(rule, transition_sizes);
  return rules;
}

}  // namespace tidemill::services::s3
