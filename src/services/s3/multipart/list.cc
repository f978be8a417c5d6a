#include "services/s3/common/acl.h"
#include "services/s3/common/checksums.h"
#include "services/s3/common/register.h"
#include "services/s3/common/times.h"
#include "services/s3/listing/lister.h"
#include "services/s3/multipart/multipart.h"
#include "services/s3/multipart/uploads.h"

namespace tidemill::services::s3 {

namespace {

// Sorts behind every upload of the key before it.
constexpr char kBehind = '\xff';

// Reads uploads in the order of their keys, folding those below a common prefix.
class UploadLister {
 public:
  UploadLister(Core& core, std::string owner, const model::ListMultipartUploadsRequest& request,
               const KeyEncoding& encode, std::int64_t count_max,
               model::ListMultipartUploadsOutput& output)
      : core_(core),
        owner_(std::move(owner)),
        request_(request),
        encode_(encode),
        count_max_(count_max),
        output_(output) {}

  Result<void> run(std::string after) {
    store::Scan scan{.prefix = object_row_key(request_.bucket, request_.prefix.value_or(""))};
    scan.limit = limits::scan_rows;
    scan.after = std::move(after);
    do {
      auto page = TRY(upload_table().scan(core_.store, scan));
      for (const StoredUpload& upload : page.records)
        if (!list_one(upload.record)) return {};
      scan.after = page.next;
    } while (!scan.after.empty());
    return {};
  }

 private:
  // False when the page is full.
  bool list_one(const UploadRecord& upload) {
    std::string common =
        common_prefix_of(upload.key, request_.prefix.value_or(""), request_.delimiter.value_or(""));
    if (!common.empty() && (common == last_common_ || common == request_.key_marker)) return true;
    if (count_ == count_max_) {
      output_.is_truncated = true;
      return false;
    }
    ++count_;
    if (!common.empty()) {
      last_common_ = common;
      auto& prefixes =
          output_.common_prefixes ? *output_.common_prefixes : output_.common_prefixes.emplace();
      prefixes.push_back({encode_(common)});
      output_.next_key_marker = encode_(common);
      output_.next_upload_id_marker = "";
      return true;
    }
    model::MultipartUpload entry;
    entry.key = encode_(upload.key);
    entry.upload_id = upload.id;
    entry.initiated = whole_seconds(upload.initiated);
    entry.storage_class = upload.storage_class.value_or("STANDARD");
    entry.checksum_algorithm = upload.checksum_algorithm;
    entry.checksum_type = upload.checksum_type;
    entry.initiator.ensure().id = upload.initiator;
    entry.initiator->display_name = upload.initiator;
    entry.owner.ensure() = owner_of(upload.acl ? upload.acl->owner : owner_);
    auto& uploads = output_.uploads ? *output_.uploads : output_.uploads.emplace();
    uploads.push_back(std::move(entry));
    output_.next_key_marker = encode_(upload.key);
    output_.next_upload_id_marker = upload.id;
    return true;
  }

  Core& core_;
  const std::string owner_;  // the bucket's, an account
  const model::ListMultipartUploadsRequest& request_;
  const KeyEncoding& encode_;
  const std::int64_t count_max_;
  model::ListMultipartUploadsOutput& output_;
  std::int64_t count_ = 0;
  std::string last_common_;
};

}  // namespace

Result<model::ListPartsOutput> list_parts(Core& core, Context& context,
                                          const model::ListPartsRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  StoredUpload upload = TRY(require_upload(core, bucket->name, request.key, request.upload_id));
  std::int64_t count_max = TRY(page_size(request.max_parts, "max-parts"));
  std::int64_t marker = request.part_number_marker.value_or(0);
  if (marker < 0)
    return fail(
        invalid_argument("Argument part-number-marker must be an integer between 0 and "
                         "2147483647",
                         "part-number-marker", std::to_string(marker)));
  model::ListPartsOutput output;
  output.bucket = request.bucket;
  output.key = request.key;
  output.upload_id = request.upload_id;
  output.part_number_marker = marker;
  output.max_parts = count_max;
  output.storage_class = upload.record.storage_class.value_or("STANDARD");
  output.checksum_algorithm = upload.record.checksum_algorithm;
  output.checksum_type = upload.record.checksum_type;
  output.initiator.ensure().id = upload.record.initiator;
  output.initiator->display_name = upload.record.initiator;
  output.owner.ensure() = owner_of(owner_account(upload.record, *bucket));
  output.is_truncated = false;

  store::Scan scan{.prefix = part_row_prefix(request.upload_id)};
  if (marker > 0)
    scan.after = part_row_key(request.upload_id, int(std::min(marker, limits::part_number_max)));
  scan.limit = std::size_t(count_max) + 1;
  auto page = TRY(part_table().scan(core.store, scan));
  for (const StoredPart& stored : page.records) {
    auto& parts = output.parts ? *output.parts : output.parts.emplace();
    if (std::int64_t(parts.size()) == count_max) {
      output.is_truncated = true;
      break;
    }
    model::Part part;
    part.part_number = stored.record.number;
    part.etag = '"' + stored.record.etag + '"';
    part.size = std::int64_t(stored.record.blob.size_bytes);
    part.last_modified = whole_seconds(stored.record.modified);
    set_checksum(part, stored.record.checksum);
    parts.push_back(std::move(part));
    output.next_part_number_marker = stored.record.number;
  }
  // Fewer than were asked for when a damaged record was left out.
  if (!page.next.empty() && output.parts) output.is_truncated = true;
  return output;
}

Result<model::ListMultipartUploadsOutput> list_multipart_uploads(
    Core& core, Context& context, const model::ListMultipartUploadsRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  std::int64_t count_max = TRY(page_size(request.max_uploads, "max-uploads"));
  KeyEncoding encode = TRY(KeyEncoding::make(request.encoding_type));
  model::ListMultipartUploadsOutput output;
  output.bucket = request.bucket;
  output.prefix = encode(request.prefix.value_or(""));
  if (request.delimiter && !request.delimiter->empty())
    output.delimiter = encode(*request.delimiter);
  output.key_marker = encode(request.key_marker.value_or(""));
  output.upload_id_marker = request.upload_id_marker.value_or("");
  output.encoding_type = request.encoding_type;
  output.max_uploads = count_max;
  output.is_truncated = false;
  // Without an upload id the listing goes on behind every upload of the marker's key.
  std::string after;
  if (request.key_marker && !request.key_marker->empty()) {
    std::string id = request.upload_id_marker.value_or("");
    after = upload_row_key(request.bucket, *request.key_marker,
                           id.empty() ? std::string(1, kBehind) : id);
  }
  TRY(UploadLister(core, bucket->account, request, encode, count_max, output)
          .run(std::move(after)));
  if (!output.is_truncated.value_or(false)) {
    output.next_key_marker.reset();
    output.next_upload_id_marker.reset();
  }
  return output;
}

}  // namespace tidemill::services::s3
