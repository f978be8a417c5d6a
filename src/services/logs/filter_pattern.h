// Filter patterns of CloudWatch Logs:
//   ""                               every event
//   ERROR "out of memory" -debug     all terms, none of the excluded ones
//   ?ERROR ?WARN                     any of the terms
//   %E[0-9]+%                        a regular expression
//   { $.level = "error" && ($.latency_ms > 100 || $.tags[0] = a*) }   JSON messages
// (Amazon CloudWatch Logs user guide, "Filter pattern syntax".) Space-delimited patterns in square
// brackets are refused with a clear message.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::services::logs {

class FilterPattern {
 public:
  virtual ~FilterPattern() = default;
  virtual bool matches(std::string_view message) const = 0;
};

// InvalidParameterException for a malformed pattern; the message says where it is wrong.
Result<std::unique_ptr<FilterPattern>> parse_filter_pattern(std::string_view text);

// In the pattern, '*' stands for any text: "a*b".
bool matches_wildcard(std::string_view pattern, std::string_view text);

// For patterns that begin with '{'.
Result<std::unique_ptr<FilterPattern>> parse_json_filter(std::string_view text);

}  // namespace tidemill::services::logs
