#include "services/s3/collector.h"

#include <functional>

#include "base/log.h"
#include "services/s3/common/limits.h"
#include "services/s3/common/version_id.h"
#include "services/s3/multipart/uploads.h"

namespace tidemill::services::s3 {

namespace {

// Records that cannot be read are left out, and said so: the blobs that they name are not known.
template <class Record>
Result<blobs::Coverage> for_each_record(
    Core& core, const store::Table<Record>& table, const std::stop_token& stop,
    const std::function<Result<void>(const std::string& row_key, const Record&)>& visit) {
  auto coverage = blobs::Coverage::complete;
  store::Scan scan{.table = table.name()};
  scan.limit = limits::scan_rows;
  do {
    if (stop.stop_requested()) return fail(codes::kCancelled, "the server is being stopped");
    store::Page page = TRY(core.store.scan(scan));
    for (const store::Row& row : page.rows) {
      const auto record = store::read_or_skip<Record>(scan.table, row.key, row.value);
      if (!record)
        coverage = blobs::Coverage::damaged;
      else
        TRY(visit(row.key, *record));
    }
    scan.after = std::move(page.next);
  } while (!scan.after.empty());
  return coverage;
}

Result<void> remove_parts_without_upload(Core& core, const std::stop_token& stop) {
  std::string checked;
  TRY(for_each_record<PartRecord>(
      core, part_table(), stop,
      [&](const std::string& row_key, const PartRecord& part) -> Result<void> {
        std::string id = row_key.substr(0, row_key.find('\x1f'));
        if (id == checked) return {};
        checked = id;
        auto upload = upload_table().get(core.store, part.upload_key);
        // One whose record cannot be read may be under way.
        if (!upload && upload.error().code == codes::kCorrupt) return {};
        if (TRY(std::move(upload))) return {};
        return remove_parts(core, id);
      }));
  return {};
}

// Reads the blob and puts it elsewhere, unless the object changes meanwhile.
Result<void> relocate(Core& core, std::string_view bucket_name, std::string_view key,
                      const ObjectRecord& object) {
  std::shared_ptr<Bucket> bucket = core.buckets.find(bucket_name);
  if (!bucket || !object.blob) return {};
  Result<std::string> bytes = core.blobs.read(*object.blob);
  // Replaced or deleted meanwhile, or damaged, which only a reader of the object should be told.
  if (!bytes) return {};
  const blobs::BlobRef moved = TRY(core.blobs.put(*bytes));
  auto change = [&](ObjectRecord& there) -> Result<void> {
    if (!there.blob || there.blob->location != object.blob->location)
      return fail(codes::kConflict, "the object has changed");
    there.blob = moved;
    return {};
  };
  const std::string version_id = object.version_id.value_or(std::string(kNullVersion));
  Result<Written> updated = core.objects.update(*bucket, key, version_id, change);
  if (updated) {
    core.blobs.release(*object.blob);
    return {};
  }
  // With an unknown outcome either may be in use; the next start finds out.
  if (updated.error().code == codes::kIo) return fail(std::move(updated).error());
  core.blobs.release(moved);
  const std::string& code = updated.error().code;
  if (code == codes::kConflict || code == "NoSuchVersion" || code == "NoSuchBucket") return {};
  return fail(std::move(updated).error());
}

Result<void> relocate_out_of_dead_segments(Core& core, const std::stop_token& stop) {
  TRY(for_each_record<ObjectRecord>(
      core, object_table(), stop,
      [&](const std::string& row_key, const ObjectRecord& object) -> Result<void> {
        if (!object.blob || !core.blobs.should_relocate(*object.blob)) return {};
        const std::size_t separator = row_key.find('\x1f');
        return relocate(core, std::string_view(row_key).substr(0, separator),
                        std::string_view(row_key).substr(separator + 1), object);
      }));
  TRY(for_each_record<VersionRecord>(
      core, version_table(), stop,
      [&](const std::string&, const VersionRecord& version) -> Result<void> {
        if (!version.blob || !core.blobs.should_relocate(*version.blob)) return {};
        return relocate(core, version.bucket, version.key, version);
      }));
  return {};
}

}  // namespace

Result<void> collect_garbage(Core& core, const Clock& ages, const std::stop_token& stop) {
  TRY(remove_parts_without_upload(core, stop));
  // Parts before objects: completing an upload moves blobs from the ones to the others.
  TRY(core.blobs.collect_garbage(
      [&](const blobs::BlobStore::Mark& mark) -> Result<blobs::Coverage> {
        core.objects.note_moves();
        const blobs::Coverage of_parts = TRY(for_each_record<PartRecord>(
            core, part_table(), stop,
            [&](const std::string&, const PartRecord& part) -> Result<void> {
              mark(part.blob);
              return {};
            }));
        const blobs::Coverage of_objects = TRY(for_each_record<ObjectRecord>(
            core, object_table(), stop,
            [&](const std::string&, const ObjectRecord& object) -> Result<void> {
              for (const blobs::BlobRef& blob : object.blobs()) mark(blob);
              return {};
            }));
        const blobs::Coverage of_versions = TRY(for_each_record<VersionRecord>(
            core, version_table(), stop,
            [&](const std::string&, const VersionRecord& version) -> Result<void> {
              for (const blobs::BlobRef& blob : version.blobs()) mark(blob);
              return {};
            }));
        for (const blobs::BlobRef& blob : core.objects.take_moved()) mark(blob);
        for (const blobs::Coverage coverage : {of_parts, of_versions})
          if (coverage == blobs::Coverage::damaged) return coverage;
        return of_objects;
      },
      ages.now()));
  return relocate_out_of_dead_segments(core, stop);
}

}  // namespace tidemill::services::s3
