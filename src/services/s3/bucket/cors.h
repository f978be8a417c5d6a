// Evaluates the CORS rules of buckets.
#pragma once

#include "services/s3/common/core.h"
#include "services/s3/cors.h"

namespace tidemill::services::s3 {

// Whether `pattern`, with at most one "*", matches.
bool matches_cors_pattern(std::string_view pattern, std::string_view text);

class BucketCors final : public CorsInterface {
 public:
  explicit BucketCors(const Core& core) : core_(core) {}
  bool has_rules(std::string_view bucket) const override;
  bool may_be_public(std::string_view bucket) const override;
  std::optional<CorsHeaders> allow(const CorsRequest& request) const override;

 private:
  const Core& core_;
};

}  // namespace tidemill::services::s3
