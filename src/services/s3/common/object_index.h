// Which object has which bytes: reads and changes of object records, one writer a key at a time.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "blobs/blobs.h"
#include "services/s3/common/buckets.h"
#include "services/s3/common/limits.h"
#include "services/s3/common/object_cache.h"
#include "services/s3/common/object_events.h"

namespace tidemill::services::s3 {

// Thread-safe. Bytes are durable before the record that names them commits; bytes that no record
// names any more are released after the commit. A crash in between leaves garbage that the next
// start collects, never a record without bytes.
class ObjectIndex {
 public:
  ObjectIndex(store::Store& store, blobs::BlobStore& blobs, const Clock& clock)
      : store_(store), blobs_(blobs), clock_(clock) {}
  // Where changes are told from now on, in their own transactions. Before requests; borrowed.
  void publish_to(const engine::Outbox& outbox) { outbox_ = &outbox; }

  // nullptr: there is no such object.
  Result<StoredObjectPtr> find(const Bucket& bucket, std::string_view key);
  // NoSuchKey when there is none.
  Result<StoredObjectPtr> require(const Bucket& bucket, std::string_view key);

  // What must hold of the object that is there (nullptr: none) for the change to happen.
  using Condition = std::function<Result<void>(const ObjectRecord*)>;

  // Puts `next` in place of whatever is there, together with the writes of `along`. On failure the
  // blobs of `next` are released, unless the outcome is unknown or `keep_on_failure`.
  Result<void> replace(Bucket& bucket, std::string_view key, ObjectRecord next,
                       const Condition& condition = {}, store::Transaction along = {},
                       bool keep_on_failure = false, std::string_view reason = created_by::kPut);
  // Changes the record but not its blobs. NoSuchKey.
  Result<void> update(Bucket& bucket, std::string_view key,
                      const std::function<Result<void>(ObjectRecord&)>& change);
  // Erases those that are there, all in one transaction.
  Result<void> erase(Bucket& bucket, const std::vector<std::string>& keys,
                     const Condition& condition = {});

 private:
  std::mutex& lock_of(const std::string& row_key) {
    return key_locks_[std::hash<std::string>()(row_key) % key_locks_.size()];
  }
  Result<StoredObjectPtr> load(const std::string& row_key);
  Result<StoredObjectPtr> load_locked(const std::string& row_key);
  // What a writer finds in its way.
  struct Replaced {
    StoredObjectPtr object;                // null: there is none, or its record is damaged
    std::optional<std::uint64_t> version;  // expected of the store; nullopt of a damaged one
    bool exists = false;
  };
  Result<Replaced> load_to_replace(const std::string& row_key, const Condition& condition);

  store::Store& store_;
  blobs::BlobStore& blobs_;
  const Clock& clock_;
  const engine::Outbox* outbox_ = nullptr;
  ObjectCache cache_;
  std::array<std::mutex, limits::key_locks> key_locks_;
};

}  // namespace tidemill::services::s3
