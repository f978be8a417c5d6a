// Space reserved for deletions: on a disk without a free byte, records that free space could not be
// written otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace tidemill::store::sqlite {

// One thread at a time. A file of allocated blocks beside the database; when it is released, the
// write-ahead log can use its blocks.
class Reserve {
 public:
  // Makes the file when the disk has room for it; a smaller one on a small disk.
  explicit Reserve(std::filesystem::path path);

  // Released: until it is restored, only transactions that free space are written.
  bool in_use() const { return in_use_; }
  std::uint64_t bytes() const { return bytes_; }
  // Frees its space for the next write. False when that does not help: it has no space, or the disk
  // is not full.
  bool release();
  // Restores it when the disk has room.
  void restore();

 private:
  std::uint64_t available_bytes() const;
  // A disk with less free space than this counts as full.
  std::uint64_t slack_bytes() const { return bytes_ / 8; }
  bool allocate();

  const std::filesystem::path path_;
  std::uint64_t bytes_ = 0;
  bool whole_ = false;
  bool in_use_ = false;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace tidemill::store::sqlite
