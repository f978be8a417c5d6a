// Stores large blobs, one file each.
#pragma once

#include <array>
#include <mutex>
#include <unordered_set>

#include "blobs/blobs.h"
#include "blobs/group_sync.h"
#include "blobs/quarantine.h"

namespace tidemill::blobs {

// Thread-safe. A file is created without a name (O_TMPFILE), written and synced, and only then
// linked into one of 256 folders, so that a crash leaves nothing behind. On file systems without
// O_TMPFILE, the file gets a name that starts with "tmp-" and is renamed instead.
class FileStore {
 public:
  // Borrowed arguments must outlive the store.
  FileStore(std::string directory, SharedFile directory_file, GroupSync& directory_sync,
            Random& random, Quarantine& quarantine);

  struct NewFile {
    SharedFile file;
    std::string temporary_path;  // empty: the file has no name
  };
  Result<NewFile> create();
  // Syncs the file and gives it its name. Returns the blob's location when that is durable.
  Result<std::string> publish(const NewFile& file);
  void discard(const NewFile& file);

  struct Opened {
    SharedFile file;
    std::string path;
  };
  Result<Opened> open(const BlobRef& blob) const;
  void release(const BlobRef& blob) const;
  // Call it for blobs that a record names: brings the file back if it is in quarantine.
  void keep(const BlobRef& blob) const;
  // Moves every file of earlier runs that is not in `live` into quarantine, provided that all
  // records were read; in any case removes files that were never acknowledged.
  Result<void> remove_all_but(const std::unordered_set<std::string>& live, Timestamp now,
                              Coverage coverage) const;
  std::uint64_t files_written() const { return files_written_; }

  static bool owns(const BlobRef& blob) { return blob.location.starts_with("f/"); }

 private:
  Result<SharedFile> folder(unsigned number);
  std::string new_name();
  Result<std::string> path_of(const BlobRef& blob) const;

  const std::string directory_;
  const SharedFile directory_file_;
  GroupSync& directory_sync_;
  Random& random_;
  Quarantine& quarantine_;
  // Prefix of file names of this run, which garbage collection must not touch.
  const std::string run_;
  std::atomic<bool> unnamed_files_{true};
  std::atomic<std::uint64_t> files_written_{0};
  GroupSync data_sync_{GroupSync::Kind::data};
  std::mutex folders_mutex_;
  std::array<SharedFile, 256> folders_;  // guarded by folders_mutex_; null: not opened yet
};

}  // namespace tidemill::blobs
