// Which object has which bytes: reads and changes of object records, one writer a key at a time.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "blobs/blobs.h"
#include "services/s3/common/buckets.h"
#include "services/s3/common/key_history.h"
#include "services/s3/common/limits.h"
#include "services/s3/common/object_cache.h"
#include "services/s3/common/object_events.h"

namespace tidemill::services::s3 {

// Thread-safe. Bytes are durable before the record that names them commits; bytes that no record
// names any more are released after the commit. A crash in between leaves garbage that the next
// start collects, never a record without bytes.
class ObjectIndex {
 public:
  ObjectIndex(store::Store& store, blobs::BlobStore& blobs, const Clock& clock, Random& random)
      : store_(store), blobs_(blobs), clock_(clock), random_(random) {}
  // Publishes changes from now on, in their own transactions. Call before requests; borrowed.
  void publish_to(const engine::Outbox& outbox) { outbox_ = &outbox; }

  // nullptr: there is no such object, or its newest version is a delete marker.
  Result<StoredObjectPtr> find(const Bucket& bucket, std::string_view key);
  // The current object, or the version, which may be a delete marker. NoSuchKey, NoSuchVersion.
  Result<StoredObjectPtr> require(const Bucket& bucket, std::string_view key,
                                  const std::optional<std::string>& version_id = std::nullopt);
  // The delete marker that hides the key; nullopt when there is none.
  Result<std::optional<VersionRecord>> find_marker(const Bucket& bucket, std::string_view key);

  // Refuses the change, depending on the object that is there (nullptr: none).
  using Condition = std::function<Result<void>(const ObjectRecord*)>;

  // Makes `next` the newest version of the key, together with the writes of `along`. On failure the
  // blobs of `next` are released, unless the outcome is unknown or `keep_on_failure`.
  Result<Written> replace(Bucket& bucket, std::string_view key, ObjectRecord next,
                          const Condition& condition = {}, store::Transaction along = {},
                          bool keep_on_failure = false, std::string_view reason = created_by::kPut);
  // Changes the record of the current object, or of the version, wherever it lies. It releases no
  // blobs. NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker.
  Result<Written> update(Bucket& bucket, std::string_view key,
                         const std::optional<std::string>& version_id,
                         const std::function<Result<void>(ObjectRecord&)>& change);

  struct Update {
    std::string key;
    std::string version_id;
    std::function<Result<void>(ObjectRecord&)> change;
  };
  // Changes many records in one transaction. What is not there, or whose change fails, stays as it
  // is.
  Result<void> update_all(Bucket& bucket, const std::vector<Update>& updates);

  struct Deletion {
    std::string key;
    std::optional<std::string> version_id = {};  // absent: the key, see KeyHistory::remove()
    Condition condition = {};                    // of the current object
    // Asked before a version is gone for ever; its error is that of the deletion.
    std::function<Result<void>(const ObjectRecord&)> guard = {};
  };
  // All in one transaction, in their order. A deletion whose condition fails has its error in its
  // place; deleting what is not there succeeds.
  Result<std::vector<Result<Deleted>>> erase(Bucket& bucket,
                                             const std::vector<Deletion>& deletions);

  // A reader of both tables misses a version that moves between them meanwhile. From now on moves
  // are noted; take_moved() ends that, and returns the bytes of what was moved.
  void note_moves();
  std::vector<blobs::BlobRef> take_moved();

 private:
  // In the order of their addresses, so that two callers cannot block each other.
  std::vector<std::unique_lock<std::mutex>> lock_all(const std::map<std::string, bool>& row_keys);
  std::mutex& lock_of(const std::string& row_key) {
    return key_locks_[std::hash<std::string>()(row_key) % key_locks_.size()];
  }
  Result<StoredObjectPtr> load(const std::string& row_key);
  Result<StoredObjectPtr> load_locked(const std::string& row_key);
  Result<StoredObjectPtr> load_version(const Bucket& bucket, std::string_view key,
                                       std::string_view version_id);
  // A damaged record can be replaced, but `conditional` changes need to read it.
  Result<KeyHistory::Row> load_to_replace(const std::string& row_key, bool conditional);
  Result<Deleted> erase_one(KeyHistory& history, const Bucket& bucket, const Deletion& deletion,
                            store::Transaction& transaction);
  // Call before the commit.
  void note_moves_of(const KeyHistory& history);
  // Call with the key's lock held, after its commit.
  void remember(const std::string& row_key, const KeyHistory& history);

  store::Store& store_;
  blobs::BlobStore& blobs_;
  const Clock& clock_;
  Random& random_;
  const engine::Outbox* outbox_ = nullptr;
  ObjectCache cache_;
  std::mutex moves_mutex_;
  bool noting_moves_ = false;          // guarded by moves_mutex_
  std::vector<blobs::BlobRef> moves_;  // guarded by moves_mutex_
  std::array<std::mutex, limits::key_locks> key_locks_;
};

}  // namespace tidemill::services::s3
