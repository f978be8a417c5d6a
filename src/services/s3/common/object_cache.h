// A bounded cache of object records.
//
// Why it never lies: every change of a record goes through ObjectIndex, which holds the key's lock
// while it commits and then puts the new record here before it lets the lock go. A reader that
// missed fills the cache only while it holds the same lock, so it cannot put back what a writer has
// just replaced. A commit whose outcome is unknown drops the entry.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "services/s3/common/records.h"

namespace tidemill::services::s3 {

struct StoredObject {
  ObjectRecord record;
  std::uint64_t version = 0;
};
// Shared: a reader works with a record that a writer replaces meanwhile.
using StoredObjectPtr = std::shared_ptr<const StoredObject>;

// Thread-safe.
class ObjectCache {
 public:
  // nullptr: not here (which says nothing about the store).
  StoredObjectPtr find(const std::string& row_key) const;
  void put(const std::string& row_key, StoredObjectPtr object);
  void drop(const std::string& row_key);

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, StoredObjectPtr> objects;  // guarded by mutex
  };
  Shard& shard_of(const std::string& row_key) const {
    return shards_[std::hash<std::string>()(row_key) % kShards];
  }
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace tidemill::services::s3
