#include "services/s3/common/object_cache.h"

#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

StoredObjectPtr ObjectCache::find(const std::string& row_key) const {
  Shard& shard = shard_of(row_key);
  std::lock_guard lock(shard.mutex);
  auto found = shard.objects.find(row_key);
  return found == shard.objects.end() ? nullptr : found->second;
}

void ObjectCache::put(const std::string& row_key, StoredObjectPtr object) {
  // Records of many parts are read seldom and weigh much.
  bool heavy = object->record.parts.has_value();
  Shard& shard = shard_of(row_key);
  std::lock_guard lock(shard.mutex);
  if (heavy) {
    shard.objects.erase(row_key);
    return;
  }
  // Whichever comes first in the table goes: as good as random, and free of bookkeeping on reads.
  if (shard.objects.size() >= limits::cached_objects_max / kShards &&
      !shard.objects.contains(row_key))
    shard.objects.erase(shard.objects.begin());
  shard.objects[row_key] = std::move(object);
}

void ObjectCache::drop(const std::string& row_key) {
  Shard& shard = shard_of(row_key);
  std::lock_guard lock(shard.mutex);
  shard.objects.erase(row_key);
}

}  // namespace tidemill::services::s3
