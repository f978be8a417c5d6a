// The format of a small blob in a segment (header, block sums, payload) and of its location.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "blobs/block_sums.h"
#include "blobs/segment.h"

namespace tidemill::blobs {

// The layout of a record. Locations name it, since it determines the record's length.
enum class RecordForm {
  plain,    // header, payload: payloads of one block, and of versions before sums
  blocked,  // header, sums of the payload's blocks, payload
};

// Precedes each payload, little-endian.
struct RecordHeader {
  static constexpr std::uint32_t kPlainMagic = 0x474d4254;    // "TBMG"
  static constexpr std::uint32_t kBlockedMagic = 0x424d4254;  // "TBMB"
  static constexpr std::size_t kSizeBytes = 16;
  std::uint32_t payload_bytes = 0;
  std::uint32_t payload_crc32c = 0;

  // The header and the sums (none in a plain record). Includes a checksum over the fields, the
  // segment, the offset and the sums, so that a record read from a wrong place is detected.
  std::string encode(std::uint32_t segment, std::uint64_t offset, const BlockSums& sums) const;
  // `bytes` are the header and the sums; the sums are returned through `sums`.
  static Result<RecordHeader> decode(std::string_view bytes, RecordForm form, std::uint32_t segment,
                                     std::uint64_t offset, BlockSums& sums);
};

// The number of bytes before a record's payload.
inline std::uint64_t prefix_bytes(RecordForm form, std::uint64_t payload_bytes) {
  if (form == RecordForm::plain) return RecordHeader::kSizeBytes;
  return RecordHeader::kSizeBytes +
         block_count(payload_bytes, kSegmentBlockBytes) * sizeof(BlockSums::value_type);
}
inline std::uint64_t record_bytes(RecordForm form, std::uint64_t payload_bytes) {
  std::uint64_t whole = prefix_bytes(form, payload_bytes) + payload_bytes;
  return (whole + kRecordAlignmentBytes - 1) / kRecordAlignmentBytes * kRecordAlignmentBytes;
}
// The form of new records with payloads of this size.
inline RecordForm form_for(std::uint64_t payload_bytes) {
  return payload_bytes > kSegmentBlockBytes ? RecordForm::blocked : RecordForm::plain;
}

// Written as "s/0000001f/4096" for a plain record and as "b/0000001f/4096" for a blocked one.
struct RecordLocation {
  RecordForm form = RecordForm::plain;
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;

  // Tidemill.NotFound when `text` is not a location.
  static Result<RecordLocation> parse(std::string_view text);
  std::string text() const;
};

// The file's name without ".segment": eight hexadecimal digits.
std::string segment_name(std::uint32_t id);

// A range of the payload, which must lie within it. Checks the blocks of the range in a blocked
// record, and the whole payload in a plain one. Tidemill.Corrupt.
Result<std::string> read_record(const FileDescriptor& file, const BlobRef& blob,
                                const RecordLocation& location, std::uint64_t offset,
                                std::uint64_t length);

}  // namespace tidemill::blobs
