// Byte sources that read parts of files.
#pragma once

#include <memory>

#include "base/byte_stream.h"
#include "blobs/block_sums.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// A part of any file, unchecked.
class FileSource final : public ByteSource {
 public:
  FileSource(SharedFile file, std::uint64_t offset, std::uint64_t length)
      : file_(std::move(file)), offset_(offset), length_(length) {}

  // Tidemill.Corrupt when the file ends before the part does.
  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> size() const override { return length_; }

 private:
  const SharedFile file_;
  const std::uint64_t offset_;
  const std::uint64_t length_;
  std::uint64_t position_ = 0;
};

// A part of a large blob. Each block, including those at both ends of the part, is checked against
// its sum before any byte of it is returned.
class CheckedFileSource final : public ByteSource {
 public:
  CheckedFileSource(SharedFile file, BlobRef blob, BlockSums sums, std::uint64_t offset,
                    std::uint64_t length)
      : file_(std::move(file)),
        blob_(std::move(blob)),
        sums_(std::move(sums)),
        length_(length),
        position_(offset),
        end_(offset + length) {}

  // Fails with Tidemill.Corrupt from the first damaged block on.
  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> size() const override { return length_; }

 private:
  // Reads blocks from `first` on into `into` and checks them; `bytes` must end at a block boundary.
  Result<void> read_blocks(std::uint64_t first, char* into, std::size_t bytes);
  std::uint64_t block_start(std::uint64_t position) const {
    return position / kSumBlockBytes * kSumBlockBytes;
  }

  const SharedFile file_;
  const BlobRef blob_;
  const BlockSums sums_;
  const std::uint64_t length_;
  std::uint64_t position_;  // in the blob
  const std::uint64_t end_;
  std::unique_ptr<char[]> block_;     // one block, when a reader wants only a part of it
  std::uint64_t held_start_ = ~0ull;  // where the block in block_ begins
  bool failed_ = false;
};

}  // namespace tidemill::blobs
