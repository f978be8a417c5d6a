// Checksums of the blocks of a blob, so that a range can be checked before it is served without
// reading the rest. The sums of a large blob follow the payload in the blob's file; those of a
// small one precede the payload in its segment record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "blobs/blobs.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Block size in files. The pieces that the server reads are multiples of it.
inline constexpr std::uint64_t kSumBlockBytes = 64u << 10;
// Block size in segments. Even a range of a few bytes reads this much.
inline constexpr std::uint64_t kSegmentBlockBytes = 16u << 10;

inline std::uint64_t block_count(std::uint64_t payload_bytes, std::uint64_t block_bytes) {
  return (payload_bytes + block_bytes - 1) / block_bytes;
}

// The CRC-32C of each block, in order; the last block may be shorter.
using BlockSums = std::vector<std::uint32_t>;

// Computes the sums of a body that is passed to it in pieces.
class BlockSummer {
 public:
  explicit BlockSummer(std::uint64_t block_bytes = kSumBlockBytes) : block_bytes_(block_bytes) {}
  void update(std::string_view bytes);
  // The checksum of all bytes so far.
  std::uint32_t whole() const { return whole_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  // Ends the last block; do not update after this.
  BlockSums finish();

 private:
  std::uint64_t block_bytes_;
  BlockSums sums_;
  std::uint32_t block_ = 0;
  std::uint32_t whole_ = 0;
  std::uint64_t size_bytes_ = 0;
};

// The sums as stored on disk, little-endian. Refers to the memory of `sums`.
std::string_view bytes_of(const BlockSums& sums);

// Encodes what follows the payload in a file: the sums, then a footer that describes them and has a
// checksum of its own.
std::string encode_trailer(const BlockSums& sums, std::uint64_t payload_bytes,
                           std::uint32_t payload_crc32c);

// The sums of a blob's file. A file without a trailer (from an earlier version) or with a damaged
// one is read and verified as a whole, and its trailer is written if possible. Tidemill.Corrupt
// when the payload does not match `blob`.
Result<BlockSums> load_sums(const FileDescriptor& file, const std::string& path,
                            const BlobRef& blob);

}  // namespace tidemill::blobs
