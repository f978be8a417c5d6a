// Beginning an upload, and its parts.
#include "services/s3/common/acl.h"
#include "services/s3/common/body.h"
#include "services/s3/common/invariants.h"
#include "services/s3/common/register.h"
#include "services/s3/common/times.h"
#include "services/s3/multipart/multipart.h"
#include "services/s3/multipart/uploads.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/lock.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

constexpr std::size_t kUploadIdLength = 64;
constexpr std::string_view kUploadIdAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool is_crc(ChecksumAlgorithm algorithm) {
  return algorithm == ChecksumAlgorithm::crc32 || algorithm == ChecksumAlgorithm::crc32c ||
         algorithm == ChecksumAlgorithm::crc64nvme;
}

// Which kind of checksum an upload of this algorithm ends with ("Checking object integrity").
Result<std::string> checksum_type_of(ChecksumAlgorithm algorithm,
                                     const std::optional<std::string>& wanted) {
  bool full_only = algorithm == ChecksumAlgorithm::crc64nvme;
  std::string type = wanted.value_or(full_only ? kFullObject : kComposite);
  bool possible = type == kFullObject ? is_crc(algorithm) : type == kComposite && !full_only;
  if (!possible)
    return fail(invalid_request("The " + type + " checksum type cannot be used with the " +
                                std::string(checksum_name(algorithm)) + " checksum algorithm."));
  return type;
}

Result<void> check_part_number(std::int64_t number) {
  if (number >= 1 && number <= limits::part_number_max) return {};
  return fail(invalid_argument("Part number must be an integer between 1 and 10000, inclusive",
                               "partNumber", std::to_string(number)));
}

std::optional<ChecksumAlgorithm> algorithm_of(const UploadRecord& upload) {
  if (!upload.checksum_algorithm) return std::nullopt;
  return checksum_by_name(*upload.checksum_algorithm);
}

PartRecord make_part(Core& core, std::int64_t number, ReceivedBody body) {
  PartRecord part;
  part.number = int(number);
  part.blob = std::move(body.blob);
  part.etag = std::move(body.md5);
  part.modified = core.clock.now();
  part.checksum = std::move(body.checksum);
  part.crc64nvme = std::move(body.crc64nvme);
  return part;
}

Error refused_customer_key() {
  return invalid_request(
      "The multipart upload initiate requested no encryption with a customer key: leave out "
      "x-amz-server-side-encryption-customer-*.");
}

}  // namespace

Result<model::CreateMultipartUploadOutput> create_multipart_upload(
    Core& core, Context& context, const model::CreateMultipartUploadRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_key(request.key));
  TRY(refuse_unsupported(request));
  UploadRecord upload;
  static_cast<ObjectProperties&>(upload) = TRY(properties_of(request));
  if (request.checksum_algorithm) {
    std::optional<ChecksumAlgorithm> algorithm = checksum_by_name(*request.checksum_algorithm);
    if (!algorithm)
      return fail(
          invalid_request("Checksum algorithm provided is unsupported. Please try again with any "
                          "of the valid types: "
                          "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"));
    upload.checksum_algorithm = std::string(checksum_name(*algorithm));
    upload.checksum_type = TRY(checksum_type_of(*algorithm, request.checksum_type));
  } else if (request.checksum_type) {
    return fail(
        invalid_request("The x-amz-checksum-type header can only be used with the "
                        "x-amz-checksum-algorithm header."));
  }
  // A default retention begins when the upload is completed; what is asked for is checked now.
  const WantedLock lock = wanted_lock(request);
  const auto record = core.buckets.record(*bucket);
  auto checked_lock = TRY(lock_of_new_version(*record, lock, core.clock.now()));
  upload.acl = TRY(acl_of_new_object(*record, context.account(), wanted_acl(request)));
  if (lock.any()) upload.lock = std::move(checked_lock);
  upload.bucket = bucket->name;
  upload.key = request.key;
  upload.id = make_token(core.random, kUploadIdLength, kUploadIdAlphabet);
  upload.initiator = context.principal.arn;
  upload.initiated = core.clock.now();
  {
    auto alive = TRY(Buckets::keep_alive(*bucket));
    store::Transaction transaction;
    const std::string key = upload_row_key(upload);
    upload_table().put(transaction, key, upload, 0);
    TRY(core.store.commit(std::move(transaction)));
  }
  model::CreateMultipartUploadOutput output;
  output.bucket = upload.bucket;
  output.key = upload.key;
  output.upload_id = upload.id;
  output.checksum_algorithm = upload.checksum_algorithm;
  output.checksum_type = upload.checksum_type;
  return output;
}

Result<model::UploadPartOutput> upload_part(Core& core, Context& context,
                                            const model::UploadPartRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_part_number(request.part_number));
  if (request.sse_customer_algorithm || request.sse_customer_key)
    return fail(refused_customer_key());
  StoredUpload upload = TRY(require_upload(core, bucket->name, request.key, request.upload_id));
  ReceivedBody body =
      TRY(receive_body(core.blobs, &context, context.body.get(),
                       {request.content_md5, given_checksums(request), request.checksum_algorithm,
                        algorithm_of(upload.record), !upload.record.checksum_algorithm}));
  PartRecord part = make_part(core, request.part_number, std::move(body));
  model::UploadPartOutput output;
  output.etag = '"' + part.etag + '"';
  set_checksum(output, part.checksum);
  TRY(put_part(core, upload, std::move(part)));
  return output;
}

Result<model::UploadPartCopyOutput> upload_part_copy(Core& core, Context& context,
                                                     const model::UploadPartCopyRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_part_number(request.part_number));
  if (request.sse_customer_algorithm || request.sse_customer_key ||
      request.copy_source_sse_customer_algorithm)
    return fail(refused_customer_key());
  CopySource from = TRY(parse_copy_source(request.copy_source));
  auto source_bucket = TRY(
      core.buckets.require(context.account(), from.bucket, request.expected_source_bucket_owner));
  StoredUpload upload = TRY(require_upload(core, bucket->name, request.key, request.upload_id));
  ReadConditions conditions{request.copy_source_if_match, request.copy_source_if_none_match,
                            request.copy_source_if_modified_since,
                            request.copy_source_if_unmodified_since};
  OpenedObject source = TRY(open_copy_source(
      core, *source_bucket, from, [&](const ObjectRecord& object) -> Result<ByteRange> {
        TRY(check_copy_conditions(conditions, object));
        TRY(check_copyable(object, core.clock.now()));
        ByteRange range{0, object.size};
        if (request.copy_source_range)
          range = TRY(parse_copy_range(*request.copy_source_range, object.size));
        if (range.length > limits::upload_bytes_max) return fail(entity_too_large(range.length));
        return range;
      }));
  BodyOptions options;
  options.wanted = algorithm_of(upload.record);
  options.with_crc64nvme = !options.wanted;
  ReceivedBody body = TRY(receive_body(core.blobs, nullptr, source.bytes.get(), options));
  PartRecord part = make_part(core, request.part_number, std::move(body));
  model::UploadPartCopyOutput output;
  output.copy_source_version_id = version_of(*source_bucket, source.object->record);
  model::CopyPartResult& result = output.copy_part_result.ensure();
  result.etag = '"' + part.etag + '"';
  result.last_modified = whole_seconds(part.modified);
  set_checksum(result, part.checksum);
  TRY(put_part(core, upload, std::move(part)));
  return output;
}

Result<model::AbortMultipartUploadOutput> abort_multipart_upload(
    Core& core, Context& context, const model::AbortMultipartUploadRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  StoredUpload upload = TRY(require_upload(core, bucket->name, request.key, request.upload_id));
  TRY(abort_upload(core, upload));
  return model::AbortMultipartUploadOutput{};
}

void add_multipart_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::CreateMultipartUpload>(registry, core, create_multipart_upload);
  add<op::UploadPart>(registry, core, upload_part);
  add<op::UploadPartCopy>(registry, core, upload_part_copy);
  add<op::CompleteMultipartUpload>(registry, core, complete_multipart_upload);
  add<op::AbortMultipartUpload>(registry, core, abort_multipart_upload);
  add<op::ListParts>(registry, core, list_parts);
  add<op::ListMultipartUploads>(registry, core, list_multipart_uploads);
}

}  // namespace tidemill::services::s3
