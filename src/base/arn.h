// Amazon Resource Names: arn:partition:service:region:account:resource
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill {

struct Arn {
  std::string partition = "aws";
  std::string service;
  std::string region;  // empty for global services
  std::string account;
  std::string resource;  // "training-job/name", "role/name"

  std::string text() const;
  // "training-job" of "training-job/name"; the whole resource when it has no '/' or ':'.
  std::string_view resource_type() const;
  // The part after the first '/' or ':'; empty when there is none.
  std::string_view resource_name() const;
};

// Tidemill.Invalid when the text is not an ARN.
Result<Arn> parse_arn(std::string_view text);

}  // namespace tidemill
