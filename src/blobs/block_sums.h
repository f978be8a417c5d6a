// Checksums of the blocks of a blob, so that any range of it can be checked before it is served
// without reading the rest. Those of a large blob lie behind the payload in the blob's own file,
// those of a small one in front of the payload in its record of a segment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/blobs.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// The unit of checking in files, in bytes. Pieces that the server reads are multiples of it.
inline constexpr std::uint64_t kSumBlockBytes = 64u << 10;
// The unit of checking in segments. A range of a few bytes reads this much.
inline constexpr std::uint64_t kSegmentBlockBytes = 16u << 10;

inline std::uint64_t block_count(std::uint64_t payload_bytes, std::uint64_t block_bytes) {
  return (payload_bytes + block_bytes - 1) / block_bytes;
}

// CRC-32C of each block in order; the last block may be short.
using BlockSums = std::vector<std::uint32_t>;

// Sums a body as it passes by.
class BlockSummer {
 public:
  explicit BlockSummer(std::uint64_t block_bytes = kSumBlockBytes) : block_bytes_(block_bytes) {}
  void update(std::string_view bytes);
  // The checksum of all bytes seen so far.
  std::uint32_t whole() const { return whole_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  // No more updates after it.
  BlockSums finish();

 private:
  std::uint64_t block_bytes_;
  BlockSums sums_;
  std::uint32_t block_ = 0;
  std::uint32_t whole_ = 0;
  std::uint64_t size_bytes_ = 0;
};

// The sums as they lie on disk, little-endian. Borrows them.
std::string_view bytes_of(const BlockSums& sums);

// Encodes what follows the payload of a file: the sums, then a footer that describes them and
// carries a checksum of its own.
std::string encode_trailer(const BlockSums& sums, std::uint64_t payload_bytes,
                           std::uint32_t payload_crc32c);

// The sums of a blob's file. Files of versions before the trailer, and those whose trailer is
// damaged, are read and verified as a whole, and given their trailer when that can be written.
// Tidemill.Corrupt when the payload is not what `blob` says.
Result<BlockSums> load_sums(const FileDescriptor& file, const std::string& path,
                            const BlobRef& blob);

}  // namespace tidemill::blobs
