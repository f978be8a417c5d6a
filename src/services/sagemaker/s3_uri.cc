#include "services/sagemaker/s3_uri.h"

namespace tidemill::services::sagemaker {

Result<S3Uri> parse_s3_uri(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("s3://")) {
    rest.remove_prefix(5);
  } else if (rest.starts_with("https://") && rest.find('/', 8) != rest.npos) {
    rest.remove_prefix(rest.find('/', 8) + 1);
  } else {
    return fail("ValidationException", "'" + std::string(text) +
                                           "' is no S3 URI; it should look like "
                                           "s3://bucket/prefix.");
  }
  const std::size_t slash = rest.find('/');
  S3Uri uri{std::string(rest.substr(0, slash)),
            slash == rest.npos ? "" : std::string(rest.substr(slash + 1))};
  if (uri.bucket.empty())
    return fail("ValidationException", "'" + std::string(text) + "' names no bucket.");
  return uri;
}

std::string join_key(std::string_view prefix, std::string_view rest) {
  std::string key(prefix);
  if (!key.empty() && !key.ends_with('/')) key += '/';
  return key + std::string(rest);
}

}  // namespace tidemill::services::sagemaker
