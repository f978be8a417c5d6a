#include <algorithm>

#include "services/s3/common/checksums.h"
#include "services/s3/common/register.h"
#include "services/s3/object/lock.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

model::GetObjectAttributesParts parts_of(const std::vector<ObjectPartRecord>& parts,
                                         std::int64_t marker, std::int64_t limit) {
  model::GetObjectAttributesParts out;
  out.total_parts_count = std::int64_t(parts.size());
  out.part_number_marker = marker;
  out.max_parts = limit;
  out.is_truncated = false;
  // Only parts with checksums are listed one by one.
  for (const ObjectPartRecord& part : parts) {
    if (part.number <= marker || !part.checksum) continue;
    auto& listed = out.parts ? *out.parts : out.parts.emplace();
    if (std::int64_t(listed.size()) == limit) {
      out.is_truncated = true;
      break;
    }
    model::ObjectPart entry;
    entry.part_number = part.number;
    entry.size = std::int64_t(part.blob.size_bytes);
    set_checksum(entry, part.checksum);
    listed.push_back(std::move(entry));
    out.next_part_number_marker = part.number;
  }
  return out;
}

}  // namespace

Result<model::GetObjectAttributesOutput> get_object_attributes(
    Core& core, Context& context, const model::GetObjectAttributesRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_version_id(request.version_id));
  StoredObjectPtr stored =
      TRY(require_object(core, context, *bucket, request.key, request.version_id));
  const ObjectRecord& object = stored->record;
  auto wants = [&](std::string_view name) {
    return std::ranges::find(request.object_attributes, name) != request.object_attributes.end();
  };
  model::GetObjectAttributesOutput output;
  output.last_modified = object.modified;
  output.version_id = version_of(*bucket, object);
  if (wants("ETag")) output.etag = object.etag;
  if (wants("ObjectSize")) output.object_size = std::int64_t(object.size);
  if (wants("StorageClass")) output.storage_class = object.storage_class.value_or("STANDARD");
  if (wants("Checksum") && object.checksum) set_checksum(output.checksum.ensure(), object.checksum);
  if (wants("ObjectParts") && object.parts) {
    std::int64_t limit = std::clamp<std::int64_t>(request.max_parts.value_or(limits::list_keys_max),
                                                  0, limits::list_keys_max);
    output.object_parts = parts_of(*object.parts, request.part_number_marker.value_or(0), limit);
  }
  return output;
}

void add_object_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutObject>(registry, core, put_object);
  add<op::GetObject>(registry, core, get_object);
  add<op::HeadObject>(registry, core, head_object);
  add<op::CopyObject>(registry, core, copy_object);
  add<op::DeleteObject>(registry, core, delete_object);
  add<op::DeleteObjects>(registry, core, delete_objects);
  add<op::GetObjectAttributes>(registry, core, get_object_attributes);
  add_object_tagging_operations(registry, core);
  add_object_lock_operations(registry, core);
  add_storage_class_operations(registry, core);
}

}  // namespace tidemill::services::s3
