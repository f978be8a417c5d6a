#include "blobs/segment_record.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/checksum.h"
#include "base/limits.h"

namespace tidemill::blobs {

namespace {

static_assert(std::endian::native == std::endian::little, "records are copied as they lie");

constexpr std::size_t kSegmentDigits = 8;

std::uint32_t header_checksum(const std::uint32_t fields[3], std::uint32_t segment,
                              std::uint64_t offset, const BlockSums& sums) {
  char bytes[24];
  std::memcpy(bytes, fields, 12);
  std::memcpy(bytes + 12, &segment, 4);
  std::memcpy(bytes + 16, &offset, 8);
  return crc32c(bytes_of(sums), crc32c(std::string_view(bytes, sizeof bytes)));
}

std::unexpected<Error> corrupt(const BlobRef& blob, std::string_view why) {
  return fail(codes::kCorrupt, "blob " + blob.location + " " + std::string(why));
}

// Reads exactly `length` bytes.
Result<std::string> read_bytes(const FileDescriptor& file, const BlobRef& blob,
                               std::uint64_t offset, std::size_t length) {
  std::string bytes;
  Result<std::size_t> got = std::size_t(0);
  bytes.resize_and_overwrite(length, [&](char* into, std::size_t) {
    got = read_fully(file, into, length, offset);
    return got ? *got : 0;
  });
  if (!got) return fail(std::move(got).error());
  if (bytes.size() != length) return corrupt(blob, "is cut off");
  return bytes;
}

}  // namespace

std::string RecordHeader::encode(std::uint32_t segment, std::uint64_t offset,
                                 const BlockSums& sums) const {
  std::uint32_t fields[4] = {sums.empty() ? kPlainMagic : kBlockedMagic, payload_bytes,
                             payload_crc32c, 0};
  fields[3] = header_checksum(fields, segment, offset, sums);
  std::string out(reinterpret_cast<const char*>(fields), sizeof fields);
  return out.append(bytes_of(sums));
}

Result<RecordHeader> RecordHeader::decode(std::string_view bytes, RecordForm form,
                                          std::uint32_t segment, std::uint64_t offset,
                                          BlockSums& sums) {
  std::uint32_t fields[4] = {};
  if (bytes.size() < kSizeBytes) return fail(codes::kCorrupt, "a blob's header is cut off");
  std::memcpy(fields, bytes.data(), sizeof fields);
  sums.resize((bytes.size() - kSizeBytes) / sizeof(BlockSums::value_type));
  if (!sums.empty()) std::memcpy(sums.data(), bytes.data() + kSizeBytes, bytes_of(sums).size());
  const std::uint32_t magic = form == RecordForm::plain ? kPlainMagic : kBlockedMagic;
  if (fields[0] != magic || fields[3] != header_checksum(fields, segment, offset, sums))
    return fail(codes::kCorrupt, "a blob's header does not match its checksum");
  return RecordHeader{fields[1], fields[2]};
}

Result<RecordLocation> RecordLocation::parse(std::string_view text) {
  constexpr std::size_t kOffsetAt = 2 + kSegmentDigits + 1;
  RecordLocation location;
  auto bad = [&] { return fail(codes::kNotFound, "no blob at '" + std::string(text) + "'"); };
  if (text.size() <= kOffsetAt || text[1] != '/' || text[kOffsetAt - 1] != '/') return bad();
  if (text[0] != 's' && text[0] != 'b') return bad();
  location.form = text[0] == 'b' ? RecordForm::blocked : RecordForm::plain;
  const char* end = text.data() + text.size();
  const char* segment_end = text.data() + kOffsetAt - 1;
  auto [id_end, id_error] = std::from_chars(text.data() + 2, segment_end, location.segment, 16);
  auto [offset_end, offset_error] = std::from_chars(text.data() + kOffsetAt, end, location.offset);
  if (id_error != std::errc() || id_end != segment_end || offset_error != std::errc() ||
      offset_end != end || location.offset % kRecordAlignmentBytes != 0)
    return bad();
  return location;
}

std::string RecordLocation::text() const {
  return (form == RecordForm::blocked ? "b/" : "s/") + segment_name(segment) + "/" +
         std::to_string(offset);
}

std::string segment_name(std::uint32_t id) {
  char name[kSegmentDigits + 1];
  std::snprintf(name, sizeof name, "%08x", id);
  return name;
}

Result<std::string> read_record(const FileDescriptor& file, const BlobRef& blob,
                                const RecordLocation& location, std::uint64_t offset,
                                std::uint64_t length) {
  // No larger blob was ever put into a segment, so the caller's record must be damaged.
  if (blob.size_bytes > limits::buffered_body_bytes_max)
    return corrupt(blob, "is too large to lie in a segment");
  const std::size_t prefix = prefix_bytes(location.form, blob.size_bytes);
  const bool by_blocks = location.form == RecordForm::blocked && length < blob.size_bytes;
  std::uint64_t first = 0, end = blob.size_bytes;  // the part of the payload to read and check
  if (by_blocks) {
    first = offset / kSegmentBlockBytes * kSegmentBlockBytes;
    end = std::min(block_count(offset + length, kSegmentBlockBytes) * kSegmentBlockBytes, end);
  }
  const std::string head = TRY(read_bytes(file, blob, location.offset, prefix));
  BlockSums sums;
  const RecordHeader header =
      TRY(RecordHeader::decode(head, location.form, location.segment, location.offset, sums));
  if (header.payload_bytes != blob.size_bytes || header.payload_crc32c != blob.crc32c)
    return corrupt(blob, "does not match its checksum");
  std::string bytes =
      TRY(read_bytes(file, blob, location.offset + prefix + first, std::size_t(end - first)));
  if (!by_blocks && crc32c(bytes) != blob.crc32c)
    return corrupt(blob, "does not match its checksum");
  for (std::uint64_t at = first; by_blocks && at < end; at += kSegmentBlockBytes) {
    const auto block = std::string_view(bytes).substr(at - first, kSegmentBlockBytes);
    if (crc32c(block) != sums[at / kSegmentBlockBytes])
      return corrupt(blob, "is damaged in the block at byte " + std::to_string(at));
  }
  if (length == bytes.size()) return bytes;
  return bytes.substr(offset - first, length);
}

}  // namespace tidemill::blobs
