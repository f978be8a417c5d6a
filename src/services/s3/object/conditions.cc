#include "services/s3/object/conditions.h"

#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

namespace {

// HTTP dates have whole seconds.
std::int64_t seconds(Timestamp time) { return time.microseconds / 1'000'000; }

bool modified_since(const ObjectRecord& object, Timestamp since) {
  return seconds(object.modified) > seconds(since);
}

// Whether the two pairs hold: a condition on the tag, when present, decides alone.
struct Outcome {
  bool matches = true;      // If-Match, If-Unmodified-Since
  bool changed = true;      // If-None-Match, If-Modified-Since
  const char* failed = "";  // the header's name
};

Outcome evaluate(const ReadConditions& conditions, const ObjectRecord& object) {
  Outcome outcome;
  if (conditions.if_match) {
    outcome.matches = etag_matches(*conditions.if_match, object.etag);
    if (!outcome.matches) outcome.failed = "If-Match";
  } else if (conditions.if_unmodified_since) {
    outcome.matches = !modified_since(object, *conditions.if_unmodified_since);
    if (!outcome.matches) outcome.failed = "If-Unmodified-Since";
  }
  if (!outcome.matches) return outcome;
  if (conditions.if_none_match) {
    outcome.changed = !etag_matches(*conditions.if_none_match, object.etag);
    if (!outcome.changed) outcome.failed = "If-None-Match";
  } else if (conditions.if_modified_since) {
    outcome.changed = modified_since(object, *conditions.if_modified_since);
    if (!outcome.changed) outcome.failed = "If-Modified-Since";
  }
  return outcome;
}

}  // namespace

bool etag_matches(std::string_view header, std::string_view etag) {
  while (!header.empty()) {
    std::size_t comma = header.find(',');
    std::string_view one = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one.size() >= 2 && one.starts_with('"') && one.ends_with('"'))
      one = one.substr(1, one.size() - 2);
    if (one == "*" || one == etag) return true;
  }
  return false;
}

Result<void> check_read_conditions(const ReadConditions& conditions, const ObjectRecord& object) {
  Outcome outcome = evaluate(conditions, object);
  if (!outcome.matches) return fail(precondition_failed(outcome.failed));
  if (!outcome.changed) return fail("NotModified", "Not Modified", 304);
  return {};
}

Result<void> check_copy_conditions(const ReadConditions& conditions, const ObjectRecord& object) {
  Outcome outcome = evaluate(conditions, object);
  if (!outcome.matches || !outcome.changed)
    return fail(precondition_failed(std::string("x-amz-copy-source-") + outcome.failed));
  return {};
}

Result<ObjectIndex::Condition> write_condition(const std::optional<std::string>& if_match,
                                               const std::optional<std::string>& if_none_match,
                                               std::string_view key) {
  if (!if_match && !if_none_match) return ObjectIndex::Condition();
  // S3 itself does not implement a tag in If-None-Match, or both headers at once.
  if (if_none_match && (*if_none_match != "*" || if_match))
    return fail(Error{"NotImplemented",
                      "A header you provided implies functionality that is not implemented",
                      501,
                      {{"Header", "If-None-Match"}}});
  if (if_none_match)
    return ObjectIndex::Condition([](const ObjectRecord* there) -> Result<void> {
      if (there) return fail(precondition_failed("If-None-Match"));
      return {};
    });
  return ObjectIndex::Condition(
      [tag = *if_match, key = std::string(key)](const ObjectRecord* there) -> Result<void> {
        if (!there) return fail(no_such_key(key));
        if (!etag_matches(tag, there->etag)) return fail(precondition_failed("If-Match"));
        return {};
      });
}

}  // namespace tidemill::services::s3
