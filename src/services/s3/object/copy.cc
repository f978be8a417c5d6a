#include "base/encoding.h"
#include "services/s3/common/acl.h"
#include "services/s3/common/body.h"
#include "services/s3/common/register.h"
#include "services/s3/common/times.h"
#include "services/s3/lifecycle/expiry.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/lock.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

bool changes_something(const model::CopyObjectRequest& request) {
  // Naming a storage class or an encryption is enough: that is how objects are rewritten in place.
  return request.metadata_directive == "REPLACE" || request.storage_class ||
         request.server_side_encryption;
}

Result<void> check_directive(const std::optional<std::string>& directive, const char* name) {
  if (!directive || *directive == "COPY" || *directive == "REPLACE") return {};
  return fail(invalid_argument(std::string("Unknown ") + name + ".", name, *directive));
}

Result<ObjectProperties> copied_properties(const model::CopyObjectRequest& request,
                                           const ObjectRecord& source) {
  TRY(check_directive(request.metadata_directive, "metadata directive"));
  TRY(check_directive(request.tagging_directive, "tagging directive"));
  ObjectProperties given = TRY(properties_of(request));
  ObjectProperties properties = source;
  if (request.metadata_directive == "REPLACE") {
    properties.headers = std::move(given.headers);
    properties.metadata = std::move(given.metadata);
  }
  if (request.tagging_directive == "REPLACE") properties.tags = std::move(given.tags);
  // The class is not copied: without the header it is STANDARD.
  properties.storage_class = std::move(given.storage_class);
  return properties;
}

Result<ChecksumAlgorithm> copied_checksum(const model::CopyObjectRequest& request,
                                          const ObjectRecord& source) {
  std::optional<std::string> name = request.checksum_algorithm;
  if (!name && source.checksum) name = source.checksum->algorithm;
  if (!name) return kDefaultChecksum;
  std::optional<ChecksumAlgorithm> algorithm = checksum_by_name(*name);
  if (!algorithm)
    return fail(
        invalid_request("Checksum algorithm provided is unsupported. Please try again with "
                        "any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"));
  return *algorithm;
}

}  // namespace

Result<CopySource> parse_copy_source(std::string_view header) {
  auto bad = [&] {
    return fail(
        invalid_argument("Copy Source must mention the source bucket and key: "
                         "sourcebucket/sourcekey",
                         "x-amz-copy-source", header));
  };
  std::string_view path = header;
  constexpr std::string_view kVersion = "?versionId=";
  std::optional<std::string> version_id;
  if (std::size_t query = path.rfind(kVersion); query != std::string_view::npos) {
    version_id = std::string(path.substr(query + kVersion.size()));
    TRY(check_version_id(version_id));
    path = path.substr(0, query);
  }
  Result<std::string> decoded = percent_decode(path, false);
  if (!decoded) return bad();
  std::string_view text = *decoded;
  if (text.starts_with("arn:"))
    return fail(not_implemented("Tidemill has no access points: name the source as bucket/key."));
  if (text.starts_with('/')) text.remove_prefix(1);
  std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return bad();
  return CopySource{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1)),
                    std::move(version_id)};
}

Result<OpenedObject> open_copy_source(
    Core& core, const Bucket& bucket, const CopySource& source,
    const std::function<Result<ByteRange>(const ObjectRecord&)>& choose) {
  return open_version(core, bucket, source.key, source.version_id,
                      [&](const ObjectRecord& object) -> Result<ByteRange> {
                        if (object.is_delete_marker())
                          return fail(invalid_request(
                              "The source of a copy request may not specifically refer to a "
                              "delete marker by version id."));
                        return choose(object);
                      });
}

Result<model::CopyObjectOutput> copy_object(Core& core, Context& context,
                                            const model::CopyObjectRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_key(request.key));
  TRY(refuse_unsupported(request));
  CopySource from = TRY(parse_copy_source(request.copy_source));
  auto source_bucket = TRY(
      core.buckets.require(context.account(), from.bucket, request.expected_source_bucket_owner));
  ObjectIndex::Condition condition =
      TRY(write_condition(request.if_match, request.if_none_match, request.key));
  ReadConditions conditions{request.copy_source_if_match, request.copy_source_if_none_match,
                            request.copy_source_if_modified_since,
                            request.copy_source_if_unmodified_since};
  // An older version may be copied over the current one as it is.
  if (conditions.if_modified_since && *conditions.if_modified_since > context.received)
    conditions.if_modified_since.reset();
  bool onto_itself = source_bucket == bucket && from.key == request.key && !from.version_id;

  OpenedObject source = TRY(open_copy_source(
      core, *source_bucket, from, [&](const ObjectRecord& object) -> Result<ByteRange> {
        TRY(check_copy_conditions(conditions, object));
        TRY(check_copyable(object, core.clock.now()));
        if (onto_itself && !changes_something(request))
          return fail(invalid_request(
              "This copy request is illegal because it is trying to copy an object to itself "
              "without "
              "changing the object's metadata, storage class, website redirect location or "
              "encryption attributes."));
        if (object.size > limits::upload_bytes_max)
          return fail(invalid_request(
              "The specified copy source is larger than the maximum allowable size for a copy "
              "source: " +
              std::to_string(limits::upload_bytes_max)));
        return ByteRange{0, object.size};
      }));
  const ObjectRecord& original = source.object->record;
  ObjectRecord copy;
  static_cast<ObjectProperties&>(copy) = TRY(copied_properties(request, original));
  const auto record = core.buckets.record(*bucket);
  copy.acl = TRY(acl_of_new_object(*record, context.account(), wanted_acl(request)));
  copy.lock = TRY(lock_of_new_version(*record, wanted_lock(request), core.clock.now()));
  BodyOptions options;
  options.wanted = TRY(copied_checksum(request, original));
  ReceivedBody body = TRY(receive_body(core.blobs, nullptr, source.bytes.get(), options));
  copy.size = body.blob.size_bytes;
  copy.etag = std::move(body.md5);
  copy.modified = core.clock.now();
  copy.checksum = std::move(body.checksum);
  if (copy.size > 0) copy.blob = std::move(body.blob);

  model::CopyObjectOutput output;
  model::CopyObjectResult& result = output.copy_object_result.ensure();
  result.etag = quoted_etag(copy);
  result.last_modified = whole_seconds(copy.modified);
  set_checksum(result, copy.checksum);
  output.expiration = expiration_header(core, *bucket, request.key, copy);
  output.copy_source_version_id = version_of(*source_bucket, original);
  output.version_id = TRY(core.objects.replace(*bucket, request.key, std::move(copy), condition, {},
                                               false, created_by::kCopy))
                          .version_id;
  return output;
}

}  // namespace tidemill::services::s3
