#include "store/sqlite/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/log.h"

namespace tidemill::store::sqlite {

namespace {

constexpr std::uint64_t kReserveBytes = 32u << 20;
constexpr std::uint64_t kDiskPartDivisor = 16;
constexpr std::chrono::seconds kLookInterval{1};

}  // namespace

Reserve::Reserve(std::filesystem::path path) : path_(std::move(path)) {
  struct statvfs disk{};
  if (::statvfs(path_.parent_path().c_str(), &disk) != 0) return;
  bytes_ = std::min(kReserveBytes, std::uint64_t(disk.f_blocks) * disk.f_frsize / kDiskPartDivisor);
  struct stat status{};
  whole_ = ::stat(path_.c_str(), &status) == 0 && std::uint64_t(status.st_blocks) * 512 >= bytes_ &&
           bytes_ > 0;
  if (!whole_) allocate();
  // The start itself writes: on a full disk it uses the reserve like a deletion.
  if (available_bytes() < slack_bytes()) release();
}

std::uint64_t Reserve::available_bytes() const {
  struct statvfs disk{};
  if (::statvfs(path_.parent_path().c_str(), &disk) != 0)
    return std::numeric_limits<std::uint64_t>::max();
  return std::uint64_t(disk.f_bavail) * disk.f_frsize;
}

bool Reserve::allocate() {
  // A reserve that fills the disk would cause what it is for.
  if (bytes_ == 0 || available_bytes() < bytes_ + slack_bytes()) return false;
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  whole_ = ::posix_fallocate(file, 0, off_t(bytes_)) == 0;
  if (!whole_ && ::ftruncate(file, 0) != 0)
    log::warning("the reserve for deletions cannot be cut", {{"path", path_.string()}});
  ::close(file);
  return whole_;
}

bool Reserve::release() {
  if (in_use_ || bytes_ == 0 || available_bytes() >= bytes_) return false;
  if (::truncate(path_.c_str(), 0) != 0 && errno != ENOENT) return false;
  whole_ = false;
  in_use_ = true;
  looked_ = std::chrono::steady_clock::now();
  log::warning("the data folder's disk is full: only deletions are written until there is room",
               {{"reserve_bytes", std::int64_t(bytes_)}});
  return true;
}

void Reserve::restore() {
  const auto now = std::chrono::steady_clock::now();
  // While it is in use, check at every write: somebody may have just made room.
  if (whole_ || (!in_use_ && now - looked_ < kLookInterval)) return;
  looked_ = now;
  if (!allocate()) return;
  if (std::exchange(in_use_, false)) log::info("the data folder's disk has room again");
}

}  // namespace tidemill::store::sqlite
