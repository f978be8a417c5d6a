#include "services/sagemaker/common/s3_uri.h"

#include <re2/re2.h>

#include "base/encoding.h"

namespace tidemill::services::sagemaker {
namespace {

// S3's host names, of all kinds that AWS has had: s3.amazonaws.com, s3-us-west-2.amazonaws.com,
// s3.dualstack.us-east-1.amazonaws.com, s3-accelerate.amazonaws.com,
// s3.cn-north-1.amazonaws.com.cn, and this server's s3.localhost; each may be preceded by the
// bucket.
const RE2& s3_host() {
  static const RE2 expression(
      R"((?i)(?:(.+)\.)?s3(?:[.-](?:dualstack|fips|fips\.dualstack|accelerate|website))?)"
      R"((?:[.-][a-z0-9-]+)*?\.(?:amazonaws\.com(?:\.cn)?|localhost)(?::\d+)?)");
  return expression;
}

// Parses "https://bucket.s3.us-east-1.amazonaws.com/models/m.tar.gz",
// "https://s3.amazonaws.com/bucket/..", and "https://localhost:4566/bucket/..": any other host
// means this server, with the bucket in the path.
Result<std::string> from_https(std::string_view text) {
  constexpr std::string_view kHttps = "https://";
  const std::size_t slash = text.find('/', kHttps.size());
  const std::string host(
      text.substr(kHttps.size(), slash == text.npos ? slash : slash - kHttps.size()));
  const std::string_view encoded = slash == text.npos ? "" : text.substr(slash + 1);
  if (encoded.contains('?'))
    return fail("ValidationException", "The URL '" + std::string(text) +
                                           "' has a query; versions of objects and signed URLs "
                                           "cannot be given here.");
  Result<std::string> path = percent_decode(encoded);
  if (!path)
    return fail("ValidationException", "The URL '" + std::string(text) + "' is not valid.");
  std::string bucket;
  if (RE2::FullMatch(host, s3_host(), &bucket) && !bucket.empty())
    return "s3://" + bucket + "/" + *path;
  return "s3://" + *path;
}

}  // namespace

Result<S3Uri> parse_s3_uri(std::string_view text) {
  std::string uri(text);
  if (text.starts_with("https://")) uri = TRY(from_https(text));
  Result<S3Uri> parsed = s3::parse_s3_uri(uri);
  if (!parsed) return fail("ValidationException", parsed.error().message);
  return parsed;
}

std::string join_key(std::string_view prefix, std::string_view rest) {
  std::string key(prefix);
  if (!key.empty() && !key.ends_with('/')) key += '/';
  return key + std::string(rest);
}

}  // namespace tidemill::services::sagemaker
