// Checksums of bodies and of data on disk: the algorithms of S3's x-amz-checksum-* headers, and
// CRC32C for segment records.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidemill {

enum class ChecksumAlgorithm : std::uint8_t {
  crc32,
  crc32c,
  crc64nvme,
  sha1,
  sha256,
  sha512,
  md5,
  xxhash64,
  xxhash3,
  xxhash128,
};

// "CRC32C": the model's ChecksumAlgorithm.
std::string_view checksum_name(ChecksumAlgorithm algorithm);
// "x-amz-checksum-crc32c".
std::string_view checksum_header(ChecksumAlgorithm algorithm);
std::size_t checksum_size_bytes(ChecksumAlgorithm algorithm);
// nullopt when unknown; ignores case.
std::optional<ChecksumAlgorithm> checksum_by_name(std::string_view name);
std::optional<ChecksumAlgorithm> checksum_by_header(std::string_view header);

// Incremental; one thread at a time.
class Checksum {
 public:
  static std::unique_ptr<Checksum> make(ChecksumAlgorithm algorithm);
  virtual ~Checksum() = default;
  virtual void update(std::string_view bytes) = 0;
  void update(std::span<const char> bytes) { update(std::string_view(bytes.data(), bytes.size())); }
  // Raw big-endian digest of the bytes so far; more may follow. The headers carry encode_base64 of
  // it (base/encoding.h).
  virtual std::string digest() const = 0;
};

// The checksum of all bytes at once.
std::string checksum_of(ChecksumAlgorithm algorithm, std::string_view bytes);

// The CRC of two consecutive pieces from the CRC of each, for multipart uploads with a full-object
// checksum. nullopt when the algorithm is not a CRC or a digest has the wrong size.
std::optional<std::string> combine_checksums(ChecksumAlgorithm algorithm, std::string_view first,
                                             std::string_view second,
                                             std::uint64_t second_size_bytes);

// `seed` is the CRC of the preceding bytes. CRC32C uses the processor's instruction where
// available.
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0);
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);
std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace tidemill
