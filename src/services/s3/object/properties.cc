#include "services/s3/object/properties.h"

#include "base/utf8.h"

namespace tidemill::services::s3 {

Result<void> check_key(std::string_view key) {
  if (key.empty()) return fail(invalid_argument("The key is empty", "Key", key));
  if (key.size() > limits::key_bytes_max)
    return fail(Error{"KeyTooLongError",
                      "Your key is too long",
                      400,
                      {{"Size", std::to_string(key.size())},
                       {"MaxSizeAllowed", std::to_string(limits::key_bytes_max)}}});
  if (!is_valid_utf8(key)) return fail("InvalidURI", "Couldn't parse the specified URI.", 400);
  return {};
}

Result<void> check_text(std::string_view name, std::string_view value) {
  if (is_valid_utf8(name) && is_valid_utf8(value)) return {};
  return fail(invalid_argument("The value of the header is not UTF-8.",
                               is_valid_utf8(name) ? name : std::string_view("x-amz-meta-"), ""));
}

Result<void> check_metadata(const std::map<std::string, std::string>& metadata) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : metadata) {
    TRY(check_text(name, value));
    bytes += name.size() + value.size();
  }
  if (bytes > limits::metadata_bytes_max)
    return fail(Error{"MetadataTooLarge",
                      "Your metadata headers exceed the maximum allowed metadata size",
                      400,
                      {{"Size", std::to_string(bytes)},
                       {"MaxSizeAllowed", std::to_string(limits::metadata_bytes_max)}}});
  return {};
}

std::string without_aws_chunked(std::string_view content_encoding) {
  if (content_encoding.find("aws-chunked") == std::string_view::npos)
    return std::string(content_encoding);
  std::string kept;
  while (!content_encoding.empty()) {
    std::size_t comma = content_encoding.find(',');
    std::string_view one = content_encoding.substr(0, comma);
    content_encoding =
        comma == std::string_view::npos ? std::string_view() : content_encoding.substr(comma + 1);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.empty() || one == "aws-chunked") continue;
    if (!kept.empty()) kept += ",";
    kept += one;
  }
  return kept;
}

namespace detail {

Result<void> refuse_encryption(const std::optional<std::string>& server_side_encryption,
                               bool kms_key, bool customer_key) {
  if (customer_key)
    return fail(
        not_implemented("Tidemill does not encrypt with customer keys (SSE-C): leave out "
                        "x-amz-server-side-encryption-customer-*."));
  const bool at_rest = !server_side_encryption || *server_side_encryption == "AES256" ||
                       (*server_side_encryption == "aws:kms" && !kms_key);
  if (!at_rest)
    return fail(
        not_implemented("Tidemill does not encrypt with KMS keys: leave out "
                        "x-amz-server-side-encryption, and encrypt the disk instead."));
  return {};
}

}  // namespace detail

}  // namespace tidemill::services::s3
