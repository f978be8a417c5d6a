// The properties of an object besides its bytes: how requests set and responses show them.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/limits.h"
#include "services/s3/common/records.h"
#include "services/s3/common/tags.h"
#include "services/s3/common/version_id.h"
#include "services/s3/object/storage_class.h"

namespace tidemill::services::s3 {

// KeyTooLongError; InvalidArgument when it is empty, InvalidURI when it is not UTF-8.
Result<void> check_key(std::string_view key);
// InvalidArgument when a header's text is not UTF-8: records could not hold it.
Result<void> check_text(std::string_view name, std::string_view value);
// MetadataTooLarge.
Result<void> check_metadata(const std::map<std::string, std::string>& metadata);
// "aws-chunked,gzip" -> "gzip": the framing of the transfer is no property of the object.
std::string without_aws_chunked(std::string_view content_encoding);

inline constexpr std::string_view kDefaultContentType = "binary/octet-stream";

namespace detail {
// Answers NotImplemented for what would change how an object is kept. SSE-S3 (AES256), and SSE-KMS
// without a key of the user's, only say "encrypted at rest somehow", which is the disk's business
// here; the SageMaker SDK asks for the latter with every script that it uploads. No answer claims
// that the object is encrypted.
Result<void> refuse_encryption(const std::optional<std::string>& server_side_encryption,
                               bool kms_key, bool customer_key);
}  // namespace detail

// Refuses what PutObject, CopyObject and CreateMultipartUpload do not support here.
template <class Request>
Result<void> refuse_unsupported(const Request& request) {
  TRY(detail::refuse_encryption(
      request.server_side_encryption, request.sse_kms_key_id.has_value(),
      request.sse_customer_algorithm.has_value() || request.sse_customer_key.has_value()));
  if (request.object_lock_event_hold || request.object_lock_event_hold_duration_days ||
      request.object_lock_event_hold_duration_years)
    return fail(not_implemented("Tidemill has no event holds: x-amz-object-lock-event-hold."));
  if (request.website_redirect_location)
    return fail(not_implemented("Tidemill serves no websites: x-amz-website-redirect-location."));
  return {};
}

template <class Request>
Result<ObjectProperties> properties_of(const Request& request) {
  ObjectProperties properties;
  std::map<std::string, std::string> headers;
  auto keep = [&](const char* name, const std::optional<std::string>& value) {
    if (value && !value->empty()) headers[name] = *value;
  };
  keep("Content-Type", request.content_type);
  keep("Cache-Control", request.cache_control);
  keep("Content-Disposition", request.content_disposition);
  keep("Content-Language", request.content_language);
  if (request.content_encoding)
    keep("Content-Encoding", without_aws_chunked(*request.content_encoding));
  keep("Expires", request.expires);
  for (const auto& [name, value] : headers) TRY(check_text(name, value));
  if (!headers.empty()) properties.headers = std::move(headers);
  if (request.metadata && !request.metadata->empty()) {
    TRY(check_metadata(*request.metadata));
    properties.metadata = request.metadata;
  }
  if (request.tagging && !request.tagging->empty())
    properties.tags = TRY(parse_tagging_header(*request.tagging));
  if (request.storage_class && *request.storage_class != "STANDARD") {
    TRY(check_storage_class(*request.storage_class));
    properties.storage_class = request.storage_class;
  }
  return properties;
}

inline std::string quoted_etag(const ObjectRecord& object) { return '"' + object.etag + '"'; }

// Fills in the answer of GetObject or HeadObject.
template <class Output>
void describe_object(const ObjectRecord& object, Output& output) {
  output.etag = quoted_etag(object);
  output.last_modified = object.modified;
  output.accept_ranges = "bytes";
  output.content_type = std::string(kDefaultContentType);
  if (object.headers) {
    for (const auto& [name, value] : *object.headers) {
      if (name == "Content-Type")
        output.content_type = value;
      else if (name == "Cache-Control")
        output.cache_control = value;
      else if (name == "Content-Disposition")
        output.content_disposition = value;
      else if (name == "Content-Encoding")
        output.content_encoding = value;
      else if (name == "Content-Language")
        output.content_language = value;
      else if (name == "Expires")
        output.expires = value;
    }
  }
  if (object.metadata) output.metadata = object.metadata;
  if (object.storage_class) output.storage_class = object.storage_class;
  if (object.lock) {
    output.object_lock_mode = object.lock->mode;
    output.object_lock_retain_until_date = object.lock->retain_until;
    if (object.lock->legal_hold)
      output.object_lock_legal_hold_status = *object.lock->legal_hold ? "ON" : "OFF";
  }
  if (object.tags && !object.tags->empty()) output.tag_count = std::int64_t(object.tags->size());
}

}  // namespace tidemill::services::s3
