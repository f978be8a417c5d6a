#include "services/s3/multipart/uploads.h"

#include "services/s3/common/errors.h"
#include "services/s3/common/invariants.h"
#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

namespace {

// Two requests that put the same part at once: the later one wins, as in S3.
constexpr int kAttemptsMax = 10;

Result<void> try_put_part(Core& core, const StoredUpload& upload, const PartRecord& part,
                          std::optional<blobs::BlobRef>& replaced) {
  auto before = TRY(find_part(core, upload.record.id, part.number));
  store::Transaction transaction;
  transaction.expect(upload_table().name(), part.upload_key, upload.version);
  const std::string key = part_row_key(upload.record.id, part.number);
  part_table().put(transaction, key, part, before ? before->version : 0);
  TRY(core.store.commit(std::move(transaction)));
  if (before) replaced = before->record.blob;
  return {};
}

}  // namespace

std::string upload_row_key(const UploadRecord& upload) {
  return upload_row_key(upload.bucket, upload.key, upload.id);
}

Result<StoredUpload> require_upload(Core& core, std::string_view bucket, std::string_view key,
                                    std::string_view id) {
  auto upload = TRY(upload_table().get(core.store, upload_row_key(bucket, key, id)));
  if (!upload) return fail(no_such_upload(id));
  return std::move(*upload);
}

Result<std::vector<StoredPart>> parts_of(Core& core, std::string_view upload_id) {
  std::vector<StoredPart> parts;
  store::Scan scan{.prefix = part_row_prefix(upload_id)};
  scan.limit = limits::scan_rows;
  do {
    auto page = TRY(part_table().scan(core.store, scan));
    for (StoredPart& part : page.records) parts.push_back(std::move(part));
    scan.after = page.next;
  } while (!scan.after.empty());
  return parts;
}

Result<std::optional<StoredPart>> find_part(Core& core, std::string_view upload_id, int number) {
  return part_table().get(core.store, part_row_key(upload_id, number));
}

Result<void> put_part(Core& core, const StoredUpload& upload, PartRecord part) {
  part.upload_key = upload_row_key(upload.record);
  std::optional<blobs::BlobRef> replaced;
  Result<void> put;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    put = try_put_part(core, upload, part, replaced);
    if (put || put.error().code != codes::kConflict) break;
    // Either another request put the same part, or the upload has ended.
    Result<StoredUpload> again =
        require_upload(core, upload.record.bucket, upload.record.key, upload.record.id);
    if (!again) {
      put = fail(std::move(again).error());
      break;
    }
  }
  if (put) {
    if (replaced) core.blobs.release(*replaced);
  } else if (put.error().code != codes::kIo) {
    // With an unknown outcome the blob may be in use; the next start finds out.
    core.blobs.release(part.blob);
  }
  if (!put && put.error().code == codes::kConflict)
    return fail(
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource. "
        "Please try again.",
        409);
  return put;
}

Result<void> remove_parts(Core& core, std::string_view upload_id) {
  std::vector<StoredPart> parts = TRY(parts_of(core, upload_id));
  if (parts.empty()) return {};
  store::Transaction transaction;
  for (const StoredPart& part : parts)
    part_table().erase(transaction, part_row_key(upload_id, part.record.number), std::nullopt);
  TRY(core.store.commit(std::move(transaction)));
  for (const StoredPart& part : parts) core.blobs.release(part.record.blob);
  return {};
}

Result<void> abort_upload(Core& core, const StoredUpload& upload) {
  store::Transaction transaction;
  upload_table().erase(transaction, upload_row_key(upload.record), upload.version);
  Result<void> erased = core.store.commit(std::move(transaction));
  if (!erased && erased.error().code == codes::kConflict)
    return fail(no_such_upload(upload.record.id));
  TRY(std::move(erased));
  return remove_parts(core, upload.record.id);
}

Result<void> abort_uploads_of(Core& core, const std::string& bucket) {
  store::Scan scan{.prefix = object_row_key(bucket, "")};
  scan.limit = limits::scan_rows;
  while (true) {
    auto page = TRY(upload_table().scan(core.store, scan));
    for (const StoredUpload& upload : page.records) {
      Result<void> aborted = abort_upload(core, upload);
      if (!aborted && aborted.error().code != "NoSuchUpload") return aborted;
    }
    if (page.next.empty()) return {};
    scan.after = page.next;
  }
}

}  // namespace tidemill::services::s3
