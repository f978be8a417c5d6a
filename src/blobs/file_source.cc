#include "blobs/file_source.h"

#include <algorithm>

#include "base/checksum.h"

namespace tidemill::blobs {

Result<std::size_t> FileSource::read(std::span<char> buffer) {
  if (failed_) return fail(codes::kCorrupt, "a blob file does not match its checksum");
  std::size_t wanted = std::size_t(std::min<std::uint64_t>(buffer.size(), length_ - position_));
  if (wanted == 0) return std::size_t(0);
  std::size_t got = TRY(read_fully(*file_, buffer.data(), wanted, offset_ + position_));
  position_ += got;
  if (got < wanted) failed_ = true;
  if (!failed_ && expected_.verify) {
    crc32c_ = crc32c(std::string_view(buffer.data(), got), crc32c_);
    // The last piece is held back, so that nobody takes a damaged body for a whole one.
    if (position_ == length_ && crc32c_ != expected_.crc32c) failed_ = true;
  }
  if (failed_)
    return fail(codes::kCorrupt, "a blob file is cut off or does not match its checksum");
  return got;
}

}  // namespace tidemill::blobs
