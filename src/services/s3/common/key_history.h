// The versions of one key while a writer changes them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "services/s3/common/buckets.h"
#include "services/s3/common/object_cache.h"

namespace tidemill::services::s3 {

// The x-amz-version-id of a version; nullopt in a bucket that never was versioned.
std::optional<std::string> version_of(const Bucket& bucket, const ObjectRecord& record);

// "x-amz-version-id" of an answer: absent in buckets that never were versioned.
struct Written {
  std::optional<std::string> version_id;
};

struct Deleted {
  // The id of the delete marker that was made, or of the version that was deleted.
  std::optional<std::string> version_id;
  bool delete_marker = false;  // that version is or was a delete marker
  bool marker_made = false;
};

// Changes are made here, in memory, and then added to a transaction: all of them or none happen.
// Its rule: the newest version is in the table of objects when it is an object; every other
// version, and every delete marker, is in the table of versions. The caller holds the key's lock
// from before the construction until the transaction is committed.
class KeyHistory {
 public:
  // The row of the table of objects, as the caller found it.
  struct Row {
    StoredObjectPtr object;                    // null: there is none, or its record is damaged
    std::optional<std::uint64_t> version = 0;  // expected of the store; nullopt of a damaged one
    bool exists = false;
  };
  KeyHistory(store::Store& store, const Bucket& bucket, std::string_view key, Row row);

  // nullptr: there is none, or the newest version is a delete marker.
  const ObjectRecord* current() const { return current_ ? &*current_ : nullptr; }
  // nullptr when there is no such version.
  Result<const ObjectRecord*> find(std::string_view version_id);

  // Replaces a record that current() or find() returned; that pointer is not valid afterwards. Its
  // bytes and its place among the versions stay what they are, unless `change` names the same bytes
  // elsewhere.
  Result<void> change(const ObjectRecord& record,
                      const std::function<Result<void>(ObjectRecord&)>& change);
  Result<Written> put(ObjectRecord next, Timestamp now, Random& random);
  // DELETE without a version id.
  Result<Deleted> remove(Timestamp now, Random& random);
  // DELETE of one version; nullopt when there is none.
  Result<std::optional<Deleted>> remove_version(std::string_view version_id);

  // Call after the last change.
  Result<void> add_to(store::Transaction& transaction);
  // The row of the table of objects after the commit; null when there is none.
  StoredObjectPtr committed() const;
  bool knows_row_version() const { return row_.version.has_value(); }
  // Bytes of versions that this moves from one table to the other.
  const std::vector<blobs::BlobRef>& moved() const { return moved_; }
  // Bytes that no version has any more; to be released after the commit.
  const std::vector<blobs::BlobRef>& released() const { return released_; }

 private:
  Result<std::uint64_t> next_sequence(Timestamp now);
  // The newest of the rows of the table of versions.
  Result<std::optional<VersionRecord>> newest_version();
  // Row keys of the table of versions; nullopt when there is no such version.
  Result<std::optional<std::string>> find_row(std::string_view version_id);
  Result<std::optional<std::string>> find_null_row();
  // Makes the current object an older version, or drops it when it is the null version and that
  // is replaced.
  void retire_current(bool replace_null);
  // Drops the null version that is not the current object.
  Result<void> drop_null_version();
  void drop(const ObjectRecord& record);
  void note_move(const ObjectRecord& record);
  // Keeps the rule above.
  Result<void> promote_newest();

  store::Store& store_;
  const Bucket& bucket_;
  const std::string key_;
  const Row row_;
  const Versioning versioning_;
  std::optional<ObjectRecord> current_;
  bool current_changed_ = false;
  // Rows of the table of versions that were read or changed here, by their key; nullopt: erased.
  struct Change {
    std::optional<VersionRecord> record;
    bool changed = false;
  };
  std::map<std::string, Change> versions_;
  std::vector<blobs::BlobRef> released_;
  std::vector<blobs::BlobRef> moved_;
};

}  // namespace tidemill::services::s3
