#include "blobs/disk_room.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <limits>

namespace tidemill::blobs {

namespace {
constexpr std::uint64_t kKeptPartDivisor = 8;
}  // namespace

std::uint64_t DiskRoom::available_bytes() const {
  struct statvfs status{};
  // An unknown amount is no reason to refuse: the writes themselves report a full disk.
  if (::fstatvfs(directory_->get(), &status) != 0) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t free_bytes = std::uint64_t(status.f_bavail) * status.f_frsize;
  const std::uint64_t disk_bytes = std::uint64_t(status.f_blocks) * status.f_frsize;
  const std::uint64_t kept = std::min(kept_free_bytes_, disk_bytes / kKeptPartDivisor);
  return free_bytes - std::min(free_bytes, kept);
}

}  // namespace tidemill::blobs
