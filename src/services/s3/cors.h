// Answers the server's questions about buckets before a request is authenticated: a bucket's CORS
// rules, since preflight requests are never signed, and whether anonymous callers may be let in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemill::services::s3 {

struct CorsRequest {
  std::string_view bucket;
  std::string_view origin;
  std::string_view method;
  std::string_view headers = {};  // Access-Control-Request-Headers of a preflight
  bool preflight = false;
};

using CorsHeaders = std::vector<std::pair<std::string, std::string>>;

// Thread-safe, and quick: it is asked on event loops.
class CorsInterface {
 public:
  virtual ~CorsInterface() = default;
  // False: the bucket does not exist, or has no CORS configuration.
  virtual bool has_rules(std::string_view bucket) const = 0;
  // Whether the bucket's policy or access control lists may let anonymous callers in: only then are
  // their requests looked at.
  virtual bool may_be_public(std::string_view bucket) const = 0;
  // The headers of the first rule that allows the request; nullopt when none does.
  virtual std::optional<CorsHeaders> allow(const CorsRequest& request) const = 0;
};

}  // namespace tidemill::services::s3
