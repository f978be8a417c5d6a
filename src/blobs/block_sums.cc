#include "blobs/block_sums.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/checksum.h"
#include "base/log.h"

namespace tidemill::blobs {

namespace {

static_assert(std::endian::native == std::endian::little, "sums are copied as they lie");

constexpr std::size_t kReadBytes = 1u << 20;

// The last bytes of the file, in little-endian order.
struct Footer {
  static constexpr std::uint32_t kMagic = 0x534d4254;  // "TBMS"
  std::uint32_t magic = kMagic;
  std::uint32_t block_bytes = kSumBlockBytes;
  std::uint64_t payload_bytes = 0;
  std::uint32_t payload_crc32c = 0;
  std::uint32_t table_crc32c = 0;  // checksum of the sums
  std::uint32_t reserved = 0;
  std::uint32_t footer_crc32c = 0;  // checksum of the fields above
};
static_assert(sizeof(Footer) == 32);

std::uint32_t checksum_of_footer(const Footer& footer) {
  return crc32c(std::string_view(reinterpret_cast<const char*>(&footer),
                                 sizeof footer - sizeof footer.footer_crc32c));
}

// nullopt: the file has no trailer that can be trusted.
Result<std::optional<BlockSums>> read_trailer(const FileDescriptor& file, const BlobRef& blob) {
  BlockSums sums(block_count(blob.size_bytes, kSumBlockBytes));
  const std::size_t table_bytes = bytes_of(sums).size();
  std::string bytes(table_bytes + sizeof(Footer), '\0');
  const std::size_t got = TRY(read_fully(file, bytes.data(), bytes.size(), blob.size_bytes));
  if (got != bytes.size()) return std::optional<BlockSums>();
  Footer footer;
  std::memcpy(&footer, bytes.data() + table_bytes, sizeof footer);
  std::memcpy(sums.data(), bytes.data(), table_bytes);
  // The payload's checksum ties the trailer to the record that names the blob.
  const bool good = footer.magic == Footer::kMagic && footer.block_bytes == kSumBlockBytes &&
                    footer.payload_bytes == blob.size_bytes &&
                    footer.payload_crc32c == blob.crc32c &&
                    footer.footer_crc32c == checksum_of_footer(footer) &&
                    footer.table_crc32c == crc32c(bytes_of(sums));
  if (!good) return std::optional<BlockSums>();
  return std::optional<BlockSums>(std::move(sums));
}

Result<BlockSums> sum_payload(const FileDescriptor& file, const BlobRef& blob) {
  BlockSummer summer;
  auto buffer = std::make_unique<char[]>(kReadBytes);
  while (summer.size_bytes() < blob.size_bytes) {
    const std::size_t wanted =
        std::size_t(std::min<std::uint64_t>(kReadBytes, blob.size_bytes - summer.size_bytes()));
    const std::size_t got = TRY(read_fully(file, buffer.get(), wanted, summer.size_bytes()));
    if (got == 0) break;
    summer.update(std::string_view(buffer.get(), got));
  }
  if (summer.size_bytes() != blob.size_bytes || summer.whole() != blob.crc32c)
    return fail(codes::kCorrupt,
                "blob " + blob.location + " is cut off or does not match its checksum");
  return summer.finish();
}

}  // namespace

std::string_view bytes_of(const BlockSums& sums) {
  return {reinterpret_cast<const char*>(sums.data()), sums.size() * sizeof(std::uint32_t)};
}

void BlockSummer::update(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::uint64_t filled = size_bytes_ % block_bytes_;
    const std::string_view piece = bytes.substr(0, block_bytes_ - filled);
    // Computes both sums of a piece while it is in the processor's cache.
    whole_ = crc32c(piece, whole_);
    block_ = crc32c(piece, block_);
    size_bytes_ += piece.size();
    bytes.remove_prefix(piece.size());
    if (size_bytes_ % block_bytes_ == 0) sums_.push_back(std::exchange(block_, 0));
  }
}

BlockSums BlockSummer::finish() {
  if (size_bytes_ % block_bytes_ != 0) sums_.push_back(block_);
  return std::move(sums_);
}

std::string encode_trailer(const BlockSums& sums, std::uint64_t payload_bytes,
                           std::uint32_t payload_crc32c) {
  Footer footer;
  footer.payload_bytes = payload_bytes;
  footer.payload_crc32c = payload_crc32c;
  footer.table_crc32c = crc32c(bytes_of(sums));
  footer.footer_crc32c = checksum_of_footer(footer);
  std::string out(bytes_of(sums));
  out.append(reinterpret_cast<const char*>(&footer), sizeof footer);
  return out;
}

Result<BlockSums> load_sums(const FileDescriptor& file, const std::string& path,
                            const BlobRef& blob) {
  if (std::optional<BlockSums> there = TRY(read_trailer(file, blob))) return *std::move(there);
  BlockSums sums = TRY(sum_payload(file, blob));
  // Not synced: a trailer cut off by a power loss is detected and written again. Two readers that
  // do this at once write the same bytes.
  if (Result<SharedFile> writable = open_file(path, O_RDWR)) {
    const std::string trailer = encode_trailer(sums, blob.size_bytes, blob.crc32c);
    if (Result<void> written = write_fully(**writable, trailer, blob.size_bytes); !written)
      log::info("a blob's checksums could not be kept",
                {{"blob", blob.location}, {"reason", written.error().message}});
  }
  return sums;
}

}  // namespace tidemill::blobs
