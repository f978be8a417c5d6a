#include "blobs/file_source.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "base/log.h"

namespace tidemill::blobs {

Result<std::size_t> FileSource::read(std::span<char> buffer) {
  const std::size_t wanted =
      std::size_t(std::min<std::uint64_t>(buffer.size(), length_ - position_));
  if (wanted == 0) return std::size_t(0);
  const std::size_t got = TRY(read_fully(*file_, buffer.data(), wanted, offset_ + position_));
  if (got < wanted) return fail(codes::kCorrupt, "a file is shorter than it was");
  position_ += got;
  return got;
}

Result<void> CheckedFileSource::read_blocks(std::uint64_t first, char* into, std::size_t bytes) {
  auto damaged = [&](std::uint64_t at) {
    failed_ = true;
    log::error("a stored object's bytes are damaged",
               {{"blob", blob_.location}, {"block_offset", std::int64_t(at)}});
    return fail(codes::kCorrupt, "blob " + blob_.location + " is damaged in the block at byte " +
                                     std::to_string(at));
  };
  if (TRY(read_fully(*file_, into, bytes, first)) != bytes) return damaged(first);
  for (std::size_t at = 0; at < bytes; at += kSumBlockBytes) {
    const std::size_t block = std::min<std::size_t>(kSumBlockBytes, bytes - at);
    if (crc32c(std::string_view(into + at, block)) != sums_[(first + at) / kSumBlockBytes])
      return damaged(first + at);
  }
  return {};
}

Result<std::size_t> CheckedFileSource::read(std::span<char> buffer) {
  if (failed_) return fail(codes::kCorrupt, "blob " + blob_.location + " is damaged");
  if (position_ >= end_ || buffer.empty()) return std::size_t(0);
  const std::uint64_t start = block_start(position_);
  // Whole blocks are read into the caller's buffer directly, without another copy.
  const std::uint64_t whole_end = end_ == blob_.size_bytes ? end_ : block_start(end_);
  const std::uint64_t fits_end =
      position_ + buffer.size() >= whole_end ? whole_end : block_start(position_ + buffer.size());
  if (start == position_ && fits_end > position_) {
    const std::size_t bytes = std::size_t(fits_end - position_);
    TRY(read_blocks(position_, buffer.data(), bytes));
    position_ += bytes;
    return bytes;
  }
  const std::uint64_t block_end = std::min(start + kSumBlockBytes, blob_.size_bytes);
  if (held_start_ != start) {
    if (!block_) block_ = std::make_unique_for_overwrite<char[]>(kSumBlockBytes);
    held_start_ = ~0ull;
    TRY(read_blocks(start, block_.get(), std::size_t(block_end - start)));
    held_start_ = start;
  }
  const std::size_t bytes =
      std::size_t(std::min<std::uint64_t>(std::min(block_end, end_) - position_, buffer.size()));
  std::memcpy(buffer.data(), block_.get() + (position_ - start), bytes);
  position_ += bytes;
  return bytes;
}

}  // namespace tidemill::blobs
