// Large blobs: one file each.
#pragma once

#include <array>
#include <mutex>
#include <unordered_set>

#include "blobs/blobs.h"
#include "blobs/group_sync.h"
#include "blobs/quarantine.h"

namespace tidemill::blobs {

// Thread-safe. A file is made without a name (O_TMPFILE), written, synced, and only then linked
// into one of 256 folders, so that a crash leaves nothing behind. Where the file system has no
// O_TMPFILE, a name that starts with "tmp-" is renamed instead.
class FileStore {
 public:
  // Borrowed arguments must outlive the store.
  FileStore(std::string directory, SharedFile directory_file, GroupSync& directory_sync,
            Random& random, Quarantine& quarantine);

  struct NewFile {
    SharedFile file;
    std::string temporary_path;  // empty: it has no name
  };
  Result<NewFile> create();
  // Syncs it and gives it its name; returns the blob's location when that is durable.
  Result<std::string> publish(const NewFile& file);
  void discard(const NewFile& file);

  struct Opened {
    SharedFile file;
    std::string path;
  };
  Result<Opened> open(const BlobRef& blob) const;
  void release(const BlobRef& blob) const;
  // A record names it: back from quarantine when it lies there.
  void keep(const BlobRef& blob) const;
  // Moves every file of earlier runs that is not in `live` into quarantine, if every record was
  // read; removes what was never acknowledged in any case.
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
  // Names of this run start with it, which keeps them out of garbage collection's way.
  const std::string run_;
  std::atomic<bool> unnamed_files_{true};
  std::atomic<std::uint64_t> files_written_{0};
  GroupSync data_sync_{GroupSync::Kind::data};
  std::mutex folders_mutex_;
  std::array<SharedFile, 256> folders_;  // guarded by folders_mutex_; null: not opened yet
};

}  // namespace tidemill::blobs
