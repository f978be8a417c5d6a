// Where blobs that no record names wait before they are deleted: a record may come back, from a
// backup or with a mount that was missing, and then its bytes must be there.
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

// Thread-safe. `<root>/quarantine/<seconds of the clock of ages>/files/ab/<name>` is what lay at
// `<root>/files/ab/<name>` until then. Moves are renames: a crash leaves a file at one of the two
// places, and either is found.
class Quarantine {
 public:
  // `ages_began`: see BlobOptions.
  Quarantine(std::string root, std::chrono::seconds kept, std::optional<Timestamp> ages_began)
      : root_(std::move(root)),
        folder_(root_ + "/quarantine"),
        kept_(kept),
        ages_began_(ages_began) {}
  // Finds what lies there.
  Result<void> load();
  // `path` relative to the root.
  Result<void> take(const std::string& path, Timestamp now);
  // Brings a file back to where it was; true when it was here.
  bool restore(const std::string& path);
  bool holds(const std::string& path) const;
  // The names below a folder of the root.
  std::vector<std::string> names_below(std::string_view folder) const;
  // Deletes what has been here for longer than it is kept. How many files went.
  std::size_t delete_expired(Timestamp now);
  QuarantineStatistics statistics() const;

 private:
  struct Entry {
    std::int64_t taken_seconds = 0;
    std::uint64_t bytes = 0;
  };
  // Since when an entry's age counts, in seconds.
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
