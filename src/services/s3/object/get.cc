#include <utility>

#include "services/s3/common/checksums.h"
#include "services/s3/common/register.h"
#include "services/s3/lifecycle/expiry.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/object.h"
#include "services/s3/object/object_source.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

// The part of the object that a GET or HEAD asks for.
struct Selection {
  ByteRange range;
  bool partial = false;
  std::optional<ChecksumRecord> checksum;  // of exactly these bytes
  std::optional<std::int64_t> parts_count;
};

Result<Selection> select_part(const ObjectRecord& object, std::int64_t number) {
  std::int64_t count = object.parts ? std::int64_t(object.parts->size()) : 1;
  if (number < 1 || number > count)
    return fail(Error{"InvalidPartNumber",
                      "The requested partnumber is not satisfiable",
                      416,
                      {{"ActualPartCount", std::to_string(count)},
                       {"PartNumberRequested", std::to_string(number)}}});
  Selection selection{{0, object.size}, object.size > 0, object.checksum, std::nullopt};
  if (!object.parts) return selection;
  for (std::int64_t i = 0; i < number - 1; ++i)
    selection.range.offset += (*object.parts)[std::size_t(i)].blob.size_bytes;
  const ObjectPartRecord& part = (*object.parts)[std::size_t(number - 1)];
  selection.range.length = part.blob.size_bytes;
  selection.partial = selection.range.length > 0;
  selection.checksum = part.checksum;
  if (selection.checksum && object.checksum) selection.checksum->type = object.checksum->type;
  selection.parts_count = count;
  return selection;
}

template <class Request>
Result<Selection> select(const ObjectRecord& object, const Request& request) {
  if (request.part_number) {
    if (request.range)
      return fail(
          invalid_request("Cannot specify both Range header and partNumber query parameter"));
    return select_part(object, *request.part_number);
  }
  Selection selection{{0, object.size}, false, object.checksum, std::nullopt};
  if (!request.range) return selection;
  std::optional<ByteRange> range = TRY(parse_range(*request.range, object.size));
  if (!range) return selection;
  // The stored checksum is not that of a part of the bytes.
  if (range->length != object.size) selection.checksum.reset();
  selection.range = *range;
  selection.partial = true;
  return selection;
}

// A date in the future is no date that an object could have been changed since (RFC 9110, 13.1.3).
template <class Request>
ReadConditions conditions_of(const Context& context, const Request& request) {
  ReadConditions conditions{request.if_match, request.if_none_match, request.if_modified_since,
                            request.if_unmodified_since};
  if (conditions.if_modified_since && *conditions.if_modified_since > context.received)
    conditions.if_modified_since.reset();
  return conditions;
}

// Checks conditions and chooses the bytes, in the order of RFC 9110: a failed condition comes
// before a bad range.
template <class Request>
Result<Selection> examine(Context& context, const ObjectRecord& object, const Request& request) {
  Result<void> holds = check_read_conditions(conditions_of(context, request), object);
  if (!holds) {
    if (holds.error().http_status == 304) {
      // A cache refreshes these fields from a response without a body.
      context.response_headers["ETag"] = quoted_etag(object);
      context.response_headers["Last-Modified"] = format_http_date(object.modified);
    }
    return fail(std::move(holds).error());
  }
  return select(object, request);
}

template <class Request, class Output>
void respond(Context& context, const ObjectRecord& object, const Request& request,
             const Selection& selection, Output& output) {
  describe_object(object, output);
  output.content_length = std::int64_t(selection.range.length);
  output.parts_count = selection.parts_count;
  if (request.checksum_mode == "ENABLED") set_checksum(output, selection.checksum);
  if (selection.partial) {
    output.content_range = content_range(selection.range, object.size);
    context.response_status = 206;
  }
  if (request.response_content_type) output.content_type = request.response_content_type;
  if (request.response_cache_control) output.cache_control = request.response_cache_control;
  if (request.response_content_disposition)
    output.content_disposition = request.response_content_disposition;
  if (request.response_content_encoding)
    output.content_encoding = request.response_content_encoding;
  if (request.response_content_language)
    output.content_language = request.response_content_language;
  if (request.response_expires) output.expires = format_http_date(*request.response_expires);
}

// The body that a GET would have: a HEAD announces its length and never reads it.
class AnnouncedBody final : public ByteSource {
 public:
  explicit AnnouncedBody(std::uint64_t size) : size_(size) {}
  Result<std::size_t> read(std::span<char>) override {
    return fail(codes::kInvalid, "the response to a HEAD request has no body");
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  const std::uint64_t size_;
};

template <class Request>
Result<std::shared_ptr<Bucket>> check_request(Core& core, const Context& context,
                                              const Request& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_version_id(request.version_id));
  if (request.sse_customer_algorithm || request.sse_customer_key)
    return fail(invalid_request("The encryption parameters are not applicable to this object."));
  return bucket;
}

}  // namespace

Result<void> refuse_delete_marker(Context& context, const Bucket& bucket,
                                  const ObjectRecord& object) {
  if (!object.is_delete_marker()) return {};
  context.response_headers["x-amz-delete-marker"] = "true";
  context.response_headers["x-amz-version-id"] = version_of(bucket, object).value_or("");
  context.response_headers["Last-Modified"] = format_http_date(object.modified);
  context.response_headers["Allow"] = "DELETE";
  return fail(method_not_allowed("DeleteMarker"));
}

Error describe_absence(Core& core, Context& context, const Bucket& bucket, std::string_view key,
                       Error error) {
  if (error.code != "NoSuchKey" || !bucket.has_versions()) return error;
  const Result<std::optional<VersionRecord>> marker = core.objects.find_marker(bucket, key);
  if (marker && *marker) {
    context.response_headers["x-amz-delete-marker"] = "true";
    context.response_headers["x-amz-version-id"] = version_of(bucket, **marker).value_or("");
  }
  return error;
}

Result<StoredObjectPtr> require_object(Core& core, Context& context, const Bucket& bucket,
                                       std::string_view key,
                                       const std::optional<std::string>& version_id) {
  Result<StoredObjectPtr> object = core.objects.require(bucket, key, version_id);
  if (!object) return fail(describe_absence(core, context, bucket, key, std::move(object).error()));
  TRY(refuse_delete_marker(context, bucket, (*object)->record));
  return object;
}

Result<OpenedObject> open_version(
    Core& core, const Bucket& bucket, std::string_view key,
    const std::optional<std::string>& version_id,
    const std::function<Result<ByteRange>(const ObjectRecord&)>& choose) {
  // A writer that replaces the object releases its bytes: then there is a newer record.
  constexpr int kAttemptsMax = 5;
  std::uint64_t version_before = 0;
  std::string location_before;
  for (int attempt = 1;; ++attempt) {
    StoredObjectPtr object = TRY(core.objects.require(bucket, key, version_id));
    ByteRange range = TRY(choose(object->record));
    Result<std::unique_ptr<ByteSource>> bytes = open_object(core.blobs, object->record, range);
    if (bytes) return OpenedObject{std::move(object), std::move(*bytes)};
    bool replaced = object->version != version_before ||
                    (object->record.blob ? object->record.blob->location : "") != location_before;
    if (attempt == kAttemptsMax || (attempt > 1 && !replaced))
      return fail(std::move(bytes).error());
    version_before = object->version;
    location_before = object->record.blob ? object->record.blob->location : "";
  }
}

Result<model::GetObjectOutput> get_object(Core& core, Context& context,
                                          const model::GetObjectRequest& request) {
  auto bucket = TRY(check_request(core, context, request));
  Selection selection;
  Result<OpenedObject> opened = open_version(core, *bucket, request.key, request.version_id,
                                             [&](const ObjectRecord& object) -> Result<ByteRange> {
                                               TRY(refuse_delete_marker(context, *bucket, object));
                                               TRY(check_readable(object, core.clock.now()));
                                               selection = TRY(examine(context, object, request));
                                               return selection.range;
                                             });
  if (!opened)
    return fail(describe_absence(core, context, *bucket, request.key, std::move(opened).error()));
  model::GetObjectOutput output;
  respond(context, opened->object->record, request, selection, output);
  output.version_id = version_of(*bucket, opened->object->record);
  output.restore = restore_header(opened->object->record, core.clock.now());
  output.expiration = expiration_header(core, *bucket, request.key, opened->object->record);
  context.response_body = std::move(opened->bytes);
  return output;
}

Result<model::HeadObjectOutput> head_object(Core& core, Context& context,
                                            const model::HeadObjectRequest& request) {
  auto bucket = TRY(check_request(core, context, request));
  StoredObjectPtr object =
      TRY(require_object(core, context, *bucket, request.key, request.version_id));
  Selection selection = TRY(examine(context, object->record, request));
  model::HeadObjectOutput output;
  respond(context, object->record, request, selection, output);
  output.version_id = version_of(*bucket, object->record);
  output.restore = restore_header(object->record, core.clock.now());
  output.expiration = expiration_header(core, *bucket, request.key, object->record);
  context.response_body = std::make_unique<AnnouncedBody>(selection.range.length);
  return output;
}

}  // namespace tidemill::services::s3
