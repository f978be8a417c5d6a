#include "services/s3/collector.h"

#include <functional>

#include "base/log.h"
#include "services/s3/common/limits.h"
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
Result<void> relocate(Core& core, const std::string& row_key, const ObjectRecord& object) {
  std::size_t separator = row_key.find('\x1f');
  std::shared_ptr<Bucket> bucket = core.buckets.find(row_key.substr(0, separator));
  if (!bucket || !object.blob) return {};
  Result<std::string> bytes = core.blobs.read(*object.blob);
  // Replaced or deleted meanwhile, or damaged, which only a reader of the object should be told.
  if (!bytes) return {};
  ObjectRecord moved = object;
  moved.blob = TRY(core.blobs.put(*bytes));
  auto unchanged = [&](const ObjectRecord* there) -> Result<void> {
    if (!there || !there->blob || there->blob->location != object.blob->location)
      return fail(codes::kConflict, "the object has changed");
    // Tags may have changed without the bytes.
    if (to_json(*there) != to_json(object)) return fail(codes::kConflict, "the object has changed");
    return {};
  };
  Result<void> replaced =
      core.objects.replace(*bucket, row_key.substr(separator + 1), std::move(moved), unchanged, {},
                           false, created_by::kNobody);
  if (!replaced && replaced.error().code != codes::kConflict) return replaced;
  return {};
}

Result<void> relocate_out_of_dead_segments(Core& core, const std::stop_token& stop) {
  TRY(for_each_record<ObjectRecord>(
      core, object_table(), stop,
      [&](const std::string& row_key, const ObjectRecord& object) -> Result<void> {
        if (!object.blob || !core.blobs.should_relocate(*object.blob)) return {};
        return relocate(core, row_key, object);
      }));
  return {};
}

}  // namespace

Result<void> collect_garbage(Core& core, const Clock& ages, const std::stop_token& stop) {
  TRY(remove_parts_without_upload(core, stop));
  // Parts before objects: completing an upload moves blobs from the ones to the others.
  TRY(core.blobs.collect_garbage(
      [&](const blobs::BlobStore::Mark& mark) -> Result<blobs::Coverage> {
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
        return of_parts == blobs::Coverage::damaged ? of_parts : of_objects;
      },
      ages.now()));
  return relocate_out_of_dead_segments(core, stop);
}

}  // namespace tidemill::services::s3
