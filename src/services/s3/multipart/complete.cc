#include <algorithm>
#include <map>

#include "base/encoding.h"
#include "base/log.h"
#include "services/s3/common/checksums.h"
#include "services/s3/common/register.h"
#include "services/s3/lifecycle/expiry.h"
#include "services/s3/multipart/multipart.h"
#include "services/s3/multipart/uploads.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/lock.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

// Parts that are uploaded again while the upload is being completed.
constexpr int kAttemptsMax = 5;

std::string_view unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"'))
    return etag.substr(1, etag.size() - 2);
  return etag;
}

Error invalid_part(const model::CompletedPart& named, std::string_view upload_id) {
  return {"InvalidPart",
          "One or more of the specified parts could not be found.  The part may not have been "
          "uploaded, or the specified entity tag may not match the part's entity tag.",
          400,
          {{"UploadId", std::string(upload_id)},
           {"PartNumber", std::to_string(named.part_number.value_or(0))},
           {"ETag", named.etag.value_or("")}}};
}

// The checksums the client repeats for a part, against those that were computed.
Result<void> check_part_checksum(const model::CompletedPart& named, const PartRecord& part,
                                 const UploadRecord& upload) {
  std::vector<GivenChecksum> given = given_checksums(named);
  for (const GivenChecksum& one : given)
    if (part.checksum && (part.checksum->algorithm != checksum_name(one.algorithm) ||
                          part.checksum->value != one.value))
      return fail(invalid_part(named, upload.id));
  if (upload.checksum_type == kComposite && given.empty()) {
    std::string algorithm = *upload.checksum_algorithm;
    std::ranges::transform(algorithm, algorithm.begin(),
                           [](unsigned char c) { return tolower(c); });
    return fail(invalid_request("The upload was created using a " + algorithm +
                                " checksum. The complete request must include the checksum for "
                                "each part. It was missing for "
                                "part " +
                                std::to_string(part.number) + " in the request."));
  }
  return {};
}

// The parts the client names, in its order, each as it was uploaded.
Result<std::vector<StoredPart>> choose_parts(const model::CompleteMultipartUploadRequest& request,
                                             const UploadRecord& upload,
                                             std::vector<StoredPart> uploaded) {
  if (!request.multipart_upload || !request.multipart_upload->parts ||
      request.multipart_upload->parts->empty())
    return fail(malformed_xml());
  const std::vector<model::CompletedPart>& named = *request.multipart_upload->parts;
  std::map<int, StoredPart*> by_number;
  for (StoredPart& part : uploaded) by_number[part.record.number] = &part;
  std::vector<StoredPart> chosen;
  std::int64_t previous = 0;
  for (const model::CompletedPart& one : named) {
    if (!one.part_number || !one.etag) return fail(malformed_xml());
    if (*one.part_number <= previous)
      return fail(Error{"InvalidPartOrder",
                        "The list of parts was not in ascending order. The parts list must be "
                        "specified in order by part number.",
                        400,
                        {{"UploadId", upload.id}}});
    previous = *one.part_number;
    auto found = by_number.find(int(std::min<std::int64_t>(*one.part_number, INT32_MAX)));
    if (found == by_number.end() || found->second->record.etag != unquoted(*one.etag))
      return fail(invalid_part(one, upload.id));
    TRY(check_part_checksum(one, found->second->record, upload));
    chosen.push_back(std::move(*found->second));
  }
  for (std::size_t i = 0; i + 1 < chosen.size(); ++i) {
    const PartRecord& part = chosen[i].record;
    if (part.blob.size_bytes < limits::part_bytes_min)
      return fail(Error{"EntityTooSmall",
                        "Your proposed upload is smaller than the minimum allowed size",
                        400,
                        {{"ProposedSize", std::to_string(part.blob.size_bytes)},
                         {"MinSizeAllowed", std::to_string(limits::part_bytes_min)},
                         {"PartNumber", std::to_string(part.number)},
                         {"ETag", part.etag}}});
  }
  return chosen;
}

// MD5 of the parts' MD5s, and their number.
Result<std::string> combined_etag(const std::vector<StoredPart>& parts) {
  std::string digests;
  for (const StoredPart& part : parts) digests += TRY(decode_hex(part.record.etag));
  return encode_hex(checksum_of(ChecksumAlgorithm::md5, digests)) + "-" +
         std::to_string(parts.size());
}

// The checksum of a part that the object's is made of.
std::optional<ChecksumRecord> checksum_for_object(const UploadRecord& upload,
                                                  const PartRecord& part) {
  if (upload.checksum_algorithm) return part.checksum;
  if (!part.crc64nvme) return std::nullopt;
  return ChecksumRecord{std::string(checksum_name(kDefaultChecksum)), *part.crc64nvme, kFullObject};
}

Result<std::optional<ChecksumRecord>> combined_checksum(const UploadRecord& upload,
                                                        const std::vector<StoredPart>& parts) {
  const std::string name =
      upload.checksum_algorithm.value_or(std::string(checksum_name(kDefaultChecksum)));
  const std::string type = upload.checksum_algorithm ? *upload.checksum_type : kFullObject;
  std::optional<ChecksumAlgorithm> algorithm = checksum_by_name(name);
  bool full = type == kFullObject;
  std::string digests;
  std::string whole;
  for (const StoredPart& part : parts) {
    const std::optional<ChecksumRecord> checksum = checksum_for_object(upload, part.record);
    // The part came to an older server, which computed only what it was asked for.
    if (!checksum && !upload.checksum_algorithm) return std::optional<ChecksumRecord>();
    if (!algorithm || !checksum)
      return fail(codes::kCorrupt, "a part of upload " + upload.id + " has no checksum");
    std::string digest = TRY(decode_base64(checksum->value));
    digests += digest;
    if (!full) continue;
    if (whole.empty()) {
      whole = std::move(digest);
      continue;
    }
    auto combined = combine_checksums(*algorithm, whole, digest, part.record.blob.size_bytes);
    if (!combined)
      return fail(codes::kCorrupt, "a part of " + upload.id + " has a broken checksum");
    whole = std::move(*combined);
  }
  std::string value =
      full ? encode_base64(whole)
           : encode_base64(checksum_of(*algorithm, digests)) + "-" + std::to_string(parts.size());
  return std::optional(ChecksumRecord{name, value, type});
}

// Checks what the client announced about the whole object.
Result<void> check_announced(const model::CompleteMultipartUploadRequest& request,
                             const ObjectRecord& object) {
  if (request.mpu_object_size && std::uint64_t(*request.mpu_object_size) != object.size)
    return fail(
        invalid_request("The provided 'x-amz-mp-object-size' header value " +
                        std::to_string(*request.mpu_object_size) +
                        " does not match what was computed: " + std::to_string(object.size)));
  if (request.checksum_type && object.checksum && *request.checksum_type != object.checksum->type)
    return fail(
        invalid_request("The upload was created using the " + object.checksum->type +
                        " checksum mode. The complete request must use the same checksum mode."));
  for (const GivenChecksum& given : given_checksums(request)) {
    if (!object.checksum) continue;
    if (object.checksum->algorithm != checksum_name(given.algorithm))
      return fail(invalid_request(
          "Checksum Type mismatch occurred, expected checksum Type: " + object.checksum->algorithm +
          ", actual checksum Type: " + std::string(checksum_name(given.algorithm))));
    // A composite may come without the number of parts behind it.
    std::string_view computed = object.checksum->value;
    if (given.value != computed && given.value != computed.substr(0, computed.rfind('-')))
      return fail("BadDigest",
                  "The " + std::string(checksum_name(given.algorithm)) +
                      " you specified did not match the calculated checksum.",
                  400);
  }
  return {};
}

Result<ObjectRecord> assemble(Core& core, const BucketRecord& bucket,
                              const model::CompleteMultipartUploadRequest& request,
                              const UploadRecord& upload, const std::vector<StoredPart>& parts) {
  ObjectRecord object;
  static_cast<ObjectProperties&>(object) = upload;
  object.etag = TRY(combined_etag(parts));
  object.checksum = TRY(combined_checksum(upload, parts));
  object.modified = core.clock.now();
  object.upload_id = upload.id;
  auto by_default = TRY(lock_of_new_version(bucket, {}, object.modified));
  if (by_default && !(object.lock && object.lock->mode)) {
    by_default->legal_hold = object.lock ? object.lock->legal_hold : std::nullopt;
    object.lock = std::move(by_default);
  }
  auto& pieces = object.parts.emplace();
  for (const StoredPart& part : parts) {
    object.size += part.record.blob.size_bytes;
    pieces.push_back(
        {part.record.number, part.record.blob, checksum_for_object(upload, part.record)});
  }
  TRY(check_announced(request, object));
  return object;
}

model::CompleteMultipartUploadOutput describe(const Context& context,
                                              const model::CompleteMultipartUploadRequest& request,
                                              const ObjectRecord& object,
                                              std::optional<std::string> version_id) {
  model::CompleteMultipartUploadOutput output;
  output.version_id = std::move(version_id);
  output.location =
      context.endpoint + "/" + request.bucket + "/" + percent_encode(request.key, true);
  output.bucket = request.bucket;
  output.key = request.key;
  output.etag = quoted_etag(object);
  set_checksum(output, object.checksum);
  return output;
}

struct Completed {
  ObjectRecord object;
  std::optional<std::string> version_id;
};

// One transaction: the object appears, the upload and its parts' records go.
Result<Completed> complete_once(Core& core, Bucket& bucket,
                                const model::CompleteMultipartUploadRequest& request,
                                const ObjectIndex::Condition& condition) {
  StoredUpload upload = TRY(require_upload(core, bucket.name, request.key, request.upload_id));
  std::vector<StoredPart> uploaded = TRY(parts_of(core, upload.record.id));
  std::vector<StoredPart> chosen = TRY(choose_parts(request, upload.record, std::move(uploaded)));
  ObjectRecord object =
      TRY(assemble(core, *core.buckets.record(bucket), request, upload.record, chosen));
  store::Transaction along;
  upload_table().erase(along, upload_row_key(upload.record), upload.version);
  for (const StoredPart& part : chosen)
    part_table().erase(along, part_row_key(upload.record.id, part.record.number), part.version);
  Written written = TRY(core.objects.replace(bucket, request.key, object, condition,
                                             std::move(along), true, created_by::kMultipart));
  return Completed{std::move(object), std::move(written.version_id)};
}

}  // namespace

Result<model::CompleteMultipartUploadOutput> complete_multipart_upload(
    Core& core, Context& context, const model::CompleteMultipartUploadRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  ObjectIndex::Condition condition =
      TRY(write_condition(request.if_match, request.if_none_match, request.key));
  for (int attempt = 1;; ++attempt) {
    Result<Completed> completed = complete_once(core, *bucket, request, condition);
    if (completed) {
      // Parts that the client did not name. Left behind on an error, the next start removes them.
      if (Result<void> removed = remove_parts(core, request.upload_id); !removed)
        log::warning("parts of a completed upload remain", {{"message", removed.error().message}});
      auto output = describe(context, request, completed->object, completed->version_id);
      output.expiration = expiration_header(core, *bucket, request.key, completed->object);
      return output;
    }
    if (completed.error().code == "NoSuchUpload") {
      // Asked again after a response that got lost: the object tells which upload made it.
      StoredObjectPtr there = TRY(core.objects.find(*bucket, request.key));
      if (there && there->record.upload_id == request.upload_id)
        return describe(context, request, there->record, version_of(*bucket, there->record));
    }
    if (completed.error().code != codes::kConflict || attempt == kAttemptsMax)
      return fail(std::move(completed).error());
  }
}

}  // namespace tidemill::services::s3
