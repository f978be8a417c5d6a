#include "blobs/segment.h"

#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

namespace tidemill::blobs {

namespace {

// A sealed segment is worth rewriting when less than one part in this many is live.
constexpr std::uint64_t kLivePartDivisor = 4;
constexpr std::uint64_t kPageBytes = kRecordAlignmentBytes * 64;

}  // namespace

Result<SharedFile> Segment::file(bool& opened) {
  std::lock_guard lock(mutex_);
  opened = !file_;
  if (!file_) file_ = TRY(open_file(path_, O_RDONLY));
  return file_;
}

void Segment::set_file(SharedFile file) {
  std::lock_guard lock(mutex_);
  file_ = std::move(file);
}

bool Segment::close_file() {
  std::lock_guard lock(mutex_);
  if (!sealed_ || !file_) return false;
  file_.reset();
  return true;
}

bool Segment::can_close() const {
  std::lock_guard lock(mutex_);
  return sealed_ && file_;
}

void Segment::mark_live(std::uint64_t offset, std::uint64_t bytes) {
  std::uint64_t bit = offset / kRecordAlignmentBytes;
  std::lock_guard lock(mutex_);
  std::uint64_t last = bit + bytes / kRecordAlignmentBytes - 1;
  if (live_.size() <= last / 64)
    live_.resize(std::max<std::size_t>(last / 64 + 1, live_.size() * 2));
  if (live_[bit / 64] >> (bit % 64) & 1) return;
  set_bits(live_, offset, bytes, true);
  live_bytes_ += bytes;
  live_end_ = std::max(live_end_, offset + bytes);
}

bool Segment::mark_dead(std::uint64_t offset, std::uint64_t bytes) {
  std::uint64_t bit = offset / kRecordAlignmentBytes;
  std::lock_guard lock(mutex_);
  if (live_.size() <= bit / 64 || !(live_[bit / 64] >> (bit % 64) & 1)) return false;
  set_bits(live_, offset, bytes, false);
  if (!of_this_run_) {
    if (released_.size() < live_.size()) released_.resize(live_.size());
    set_bits(released_, offset, bytes, true);
  }
  live_bytes_ -= std::min(live_bytes_, bytes);
  return removable();
}

void Segment::set_bits(Bits& bits, std::uint64_t offset, std::uint64_t bytes, bool value) {
  std::uint64_t bit = offset / kRecordAlignmentBytes;
  std::uint64_t end =
      std::min<std::uint64_t>(bit + bytes / kRecordAlignmentBytes, bits.size() * 64);
  while (bit < end) {
    std::uint64_t count = std::min(end - bit, 64 - bit % 64);
    std::uint64_t mask = (count == 64 ? ~0ull : (1ull << count) - 1) << (bit % 64);
    if (value)
      bits[bit / 64] |= mask;
    else
      bits[bit / 64] &= ~mask;
    bit += count;
  }
}

bool Segment::may_be_live(std::uint64_t offset) const {
  std::uint64_t bit = offset / kRecordAlignmentBytes;
  std::lock_guard lock(mutex_);
  if (!counted_) return true;
  return live_.size() > bit / 64 && (live_[bit / 64] >> (bit % 64) & 1);
}

std::uint64_t Segment::punch_dead_pages(std::uint64_t end) {
  std::lock_guard lock(mutex_);
  if (!counted_) return 0;
  std::uint64_t pages = end / kPageBytes, freed_bytes = 0;
  if (punched_.size() < pages) punched_.resize(pages);
  Result<SharedFile> file = open_file(path_, O_RDWR);
  if (!file) return 0;
  auto dead = [&](std::uint64_t page) {
    if (!of_this_run_) return page < released_.size() && released_[page] == ~0ull;
    return page >= live_.size() || live_[page] == 0;
  };
  for (std::uint64_t page = 0; page < pages; ++page) {
    if (!dead(page) || punched_[page]) continue;
    std::uint64_t first = page;
    while (page < pages && dead(page) && !punched_[page]) punched_[page++] = true;
    std::uint64_t length = (page - first) * kPageBytes;
    if (::fallocate((*file)->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    off_t(first * kPageBytes), off_t(length)) != 0)
      return freed_bytes;  // the file system cannot punch holes
    freed_bytes += length;
  }
  return freed_bytes;
}

bool Segment::seal() {
  std::lock_guard lock(mutex_);
  sealed_ = true;
  return removable();
}

bool Segment::finish_counting() {
  std::lock_guard lock(mutex_);
  counted_ = true;
  // Records released while counting went on make this too large, which is harmless.
  unclaimed_bytes_ = written_bytes() - std::min(written_bytes(), live_bytes_);
  return removable();
}

bool Segment::holds_unclaimed() const {
  std::lock_guard lock(mutex_);
  return !of_this_run_ && unclaimed_bytes_ > 0;
}

bool Segment::counted() const {
  std::lock_guard lock(mutex_);
  return counted_;
}

bool Segment::mostly_dead() const {
  std::lock_guard lock(mutex_);
  return sealed_ && counted_ && live_bytes_ < written_bytes() / kLivePartDivisor;
}

std::uint64_t Segment::live_bytes() const {
  std::lock_guard lock(mutex_);
  return live_bytes_;
}

std::uint64_t Segment::live_end() const {
  std::lock_guard lock(mutex_);
  return live_end_;
}

}  // namespace tidemill::blobs
