// A body that is a part of a file: the server may send it without passing it through user space.
#pragma once

#include <memory>

#include "base/byte_stream.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Readable like any ByteSource (then the checksum of a whole blob is verified before the last piece
// is handed out), or by descriptor: whoever finds one by dynamic_cast may send `length()` bytes
// from `offset()` of `descriptor()` while it holds `owner()`. Sent so, nothing is verified.
class FileSource final : public ByteSource {
 public:
  struct Expected {
    bool verify = false;
    std::uint32_t crc32c = 0;
  };
  FileSource(SharedFile file, std::uint64_t offset, std::uint64_t length, Expected expected)
      : file_(std::move(file)), offset_(offset), length_(length), expected_(expected) {}

  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> size() const override { return length_; }

  int descriptor() const { return file_->get(); }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t length() const { return length_; }
  // Reading it to its end checks the blob's checksum: such a body is read, not sent by descriptor.
  bool verifies() const { return expected_.verify; }
  // Keeps the descriptor open, also past this object's life.
  SharedFile owner() const { return file_; }

 private:
  const SharedFile file_;
  const std::uint64_t offset_;
  const std::uint64_t length_;
  const Expected expected_;
  std::uint64_t position_ = 0;
  std::uint32_t crc32c_ = 0;
  bool failed_ = false;
};

}  // namespace tidemill::blobs
