#include "services/sagemaker/s3_uri.h"

namespace tidemill::services::sagemaker {

Result<S3Uri> parse_s3_uri(std::string_view text) {
  constexpr std::string_view kHttps = "https://";
  std::string uri(text);
  if (text.starts_with(kHttps)) {
    const std::size_t slash = text.find('/', kHttps.size());
    if (slash != text.npos) uri = "s3://" + std::string(text.substr(slash + 1));
  }
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
