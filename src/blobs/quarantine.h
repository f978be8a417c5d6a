// Where blobs that no record names wait before they are deleted. A record may come back, from a
// backup or with a mount that was missing, and then its bytes must still exist.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

struct QuarantineStatistics {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// Thread-safe. `<root>/quarantine/<seconds of the age clock>/files/ab/<name>` holds what was
// `<root>/files/ab/<name>` before. Files are moved by renaming, so that a crash leaves a file at
// one of the two places, where it is found.
class Quarantine {
 public:
  // `ages_began`: see BlobOptions.
  Quarantine(std::string root, std::chrono::seconds kept, std::optional<Timestamp> ages_began)
      : root_(std::move(root)),
        folder_(root_ + "/quarantine"),
        kept_(kept),
        ages_began_(ages_began) {}
  // Lists the files in quarantine.
  Result<void> load();
  // Moves a file into quarantine; `path` is relative to the root.
  Result<void> take(const std::string& path, Timestamp now);
  // Moves a file back to its old place; returns whether it was here.
  bool restore(const std::string& path);
  bool holds(const std::string& path) const;
  // The names of quarantined files that came from this folder of the root.
  std::vector<std::string> names_below(std::string_view folder) const;
  // Deletes files that have been here for long enough; returns how many.
  std::size_t delete_expired(Timestamp now);
  QuarantineStatistics statistics() const;

 private:
  struct Entry {
    std::int64_t taken_seconds = 0;
    std::uint64_t bytes = 0;
  };
  // The time, in seconds, from which an entry's age counts.
  std::int64_t age_from_seconds(std::int64_t taken_seconds, std::int64_t now_seconds) const;
  std::string path_of(const std::string& path, std::int64_t taken_seconds) const {
    return folder_ + "/" + std::to_string(taken_seconds) + "/" + path;
  }

  const std::string root_;
  const std::string folder_;
  const std::chrono::seconds kept_;
  const std::optional<Timestamp> ages_began_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // guarded by mutex_; by relative path
};

}  // namespace tidemill::blobs
