// Space that is set aside for deletions: on a disk without a free byte, the records that free space
// could not be written otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace tidemill::store::sqlite {

// One thread at a time. A file of allocated blocks beside the database; released, its blocks are
// the write-ahead log's to take.
class Reserve {
 public:
  // The file is made when the disk has room for it. On a small disk it is smaller.
  explicit Reserve(std::filesystem::path path);

  // Taken apart: only what frees space is written until it is whole again.
  bool in_use() const { return in_use_; }
  std::uint64_t bytes() const { return bytes_; }
  // Gives its space to whoever writes next. False when it helps nothing: it has none, or the disk
  // is not full.
  bool release();
  // Makes it whole again when the disk has room.
  void restore();

 private:
  std::uint64_t available_bytes() const;
  // With less than this free a disk is as good as full.
  std::uint64_t slack_bytes() const { return bytes_ / 8; }
  bool allocate();

  const std::filesystem::path path_;
  std::uint64_t bytes_ = 0;
  bool whole_ = false;
  bool in_use_ = false;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace tidemill::store::sqlite
