#include "compute/process/volume_watch.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/file_tree.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBlockBytes = 512;  // the unit of st_blocks
// Space that an empty file or folder takes: its inode and its name.
constexpr std::uint64_t kEntryBytes = 1024;
constexpr std::chrono::seconds kMeasureInterval{30};
// Measuring may take at most this fraction of the time.
constexpr int kMeasureShare = 10;
constexpr std::uint64_t kEntriesBetweenChecks = 4096;

}  // namespace

std::uint64_t VolumeWatch::free_bytes() const {
  struct statvfs status;
  if (folders_.empty() || ::statvfs(folders_.front().c_str(), &status) != 0) return 0;
  return std::uint64_t(status.f_bfree) * status.f_frsize;
}

bool VolumeWatch::is_exceeded(const std::function<bool()>& interrupted) {
  if (!is_limited()) return false;
  const auto now = Clock::now();
  const std::uint64_t free = free_bytes();
  const std::uint64_t lost = bytes_free_ > free ? bytes_free_ - free : 0;
  const std::uint64_t left = bytes_max_ - std::min(bytes_used_, bytes_max_);
  if (now < measure_not_before_ || (now < measure_at_ && lost < left)) return false;
  bytes_used_ = measure(interrupted);
  bytes_free_ = free;
  measure_at_ = Clock::now() + kMeasureInterval;
  measure_not_before_ = Clock::now() + kMeasureShare * (Clock::now() - now);
  return bytes_used_ > bytes_max_;
}

std::uint64_t VolumeWatch::measure(const std::function<bool()>& interrupted) {
  std::uint64_t bytes = 0, entries = 0;
  std::set<std::pair<dev_t, ino_t>> linked;  // hard links count once
  std::set<std::uint64_t> devices;
  for (const std::string& folder : folders_) {
    struct stat root;
    if (::stat(folder.c_str(), &root) == 0) devices.insert(root.st_dev);
    // If a folder is moved meanwhile the walk ends; the entries seen so far count.
    (void)walk_tree(folder, [&](const TreeEntry& entry) -> Result<void> {
      const struct stat& status = entry.status;
      if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 &&
          !linked.emplace(status.st_dev, status.st_ino).second)
        return {};
      bytes += std::max<std::uint64_t>(std::uint64_t(status.st_blocks) * kBlockBytes, kEntryBytes);
      if (bytes > bytes_max_) return fail(codes::kOverloaded, "the limit is exceeded");
      if (++entries % kEntriesBetweenChecks == 0 && interrupted())
        return fail(codes::kCancelled, "the measurement was interrupted");
      return {};
    });
  }
  for (const std::uint64_t device : devices) bytes += bytes_of_deleted_files(device);
  return bytes;
}

// Deleted files that some process of the job still has open or mapped.
std::uint64_t VolumeWatch::bytes_of_deleted_files(std::uint64_t device) const {
  std::uint64_t bytes = 0;
  std::set<ino_t> seen;
  for (const int pid : processes_())
    for (const char* kind : {"fd", "map_files"}) {
      std::error_code ignored;
      const std::string folder = "/proc/" + std::to_string(pid) + "/" + kind;
      for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        struct stat status;
        if (::stat(entry.path().c_str(), &status) != 0 || status.st_nlink > 0 ||
            !S_ISREG(status.st_mode) || status.st_dev != device ||
            !seen.insert(status.st_ino).second)
          continue;
        bytes += std::uint64_t(status.st_blocks) * kBlockBytes;
      }
    }
  return bytes;
}

}  // namespace tidemill::compute
