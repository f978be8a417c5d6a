// Conditional requests: RFC 9110, section 13, with S3's error for each case.
#pragma once

#include <optional>
#include <string>

#include "services/s3/common/object_index.h"

namespace tidemill::services::s3 {

struct ReadConditions {
  std::optional<std::string> if_match;
  std::optional<std::string> if_none_match;
  std::optional<Timestamp> if_modified_since;
  std::optional<Timestamp> if_unmodified_since;
};

// True when the header (a list of entity tags, or "*") names this one. Quotes may be missing.
bool etag_matches(std::string_view header, std::string_view etag);

// PreconditionFailed (412), or NotModified (304, which has no body).
Result<void> check_read_conditions(const ReadConditions& conditions, const ObjectRecord& object);
// The same for a copy's source: 412 in every case.
Result<void> check_copy_conditions(const ReadConditions& conditions, const ObjectRecord& object);

// If-Match and If-None-Match of a write. An empty function when there are none.
Result<ObjectIndex::Condition> write_condition(const std::optional<std::string>& if_match,
                                               const std::optional<std::string>& if_none_match,
                                               std::string_view key);

}  // namespace tidemill::services::s3
