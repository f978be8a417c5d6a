// Checksums of the blocks of a large blob, so that any range of it can be checked before it is
// served without reading the rest. They lie behind the payload in the blob's own file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/blobs.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// The unit of checking, in bytes. Pieces that the server reads are multiples of it.
inline constexpr std::uint64_t kSumBlockBytes = 64u << 10;

// CRC-32C of each block in order; the last block may be short.
using BlockSums = std::vector<std::uint32_t>;

// Sums a body as it passes by.
class BlockSummer {
 public:
  void update(std::string_view bytes);
  // The checksum of all bytes seen so far.
  std::uint32_t whole() const { return whole_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  // No more updates after it.
  BlockSums finish();

 private:
  BlockSums sums_;
  std::uint32_t block_ = 0;
  std::uint32_t whole_ = 0;
  std::uint64_t size_bytes_ = 0;
};

// What follows the payload: the sums, then a footer that says what they are of and carries a
// checksum of its own.
std::string encode_trailer(const BlockSums& sums, std::uint64_t payload_bytes,
                           std::uint32_t payload_crc32c);

// The sums of a blob's file. Files of versions before the trailer, and those whose trailer is
// damaged, are read and verified as a whole, and given their trailer when that can be written.
// Tidemill.Corrupt when the payload is not what `blob` says.
Result<BlockSums> load_sums(const FileDescriptor& file, const std::string& path,
                            const BlobRef& blob);

}  // namespace tidemill::blobs
