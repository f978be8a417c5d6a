#include "infer/archive/zip.h"

#include <zlib.h>

#include <cstdint>
#include <cstring>

namespace tidemill::infer {
namespace {

// PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr std::size_t kCommentBytesMax = 0xffff;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kEncryptedFlag = 1;
// Deflate's best ratio: an entry that claims more does not get the memory.
constexpr std::size_t kDeflateRatioMax = 1032;

std::unexpected<Error> damaged(const std::string& what) {
  return fail(codes::kInvalid, "the zip archive is damaged: " + what);
}

// Little-endian numbers at an offset that the caller has checked.
template <class T>
T number_at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

Result<std::size_t> find_end(std::string_view bytes) {
  if (bytes.size() < kEndBytes) return damaged("too short");
  const std::size_t last = bytes.size() - kEndBytes;
  const std::size_t first = last > kCommentBytesMax ? last - kCommentBytesMax : 0;
  for (std::size_t at = last + 1; at-- > first;)
    if (number_at<std::uint32_t>(bytes, at) == kEndSignature) return at;
  return damaged("no end record");
}

Result<std::string> inflate_raw(std::string_view packed, std::size_t size) {
  if (size > packed.size() * kDeflateRatioMax) return damaged("an entry does not unpack");
  std::string out(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return fail(codes::kInvalid, "no memory");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&stream, Z_FINISH);
  const bool whole = status == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  if (!whole) return damaged("an entry does not unpack");
  return out;
}

struct Entry {
  std::uint16_t flags, method;
  std::uint32_t checksum, packed, size, local_offset;
};

Result<std::string> read_entry(std::string_view bytes, const Entry& entry) {
  if (entry.flags & kEncryptedFlag) return damaged("an entry is encrypted");
  const std::size_t local = entry.local_offset;
  if (local > bytes.size() || bytes.size() - local < kLocalBytes ||
      number_at<std::uint32_t>(bytes, local) != kLocalSignature)
    return damaged("an entry has no local header");
  const std::size_t start = local + kLocalBytes + number_at<std::uint16_t>(bytes, local + 26) +
                            number_at<std::uint16_t>(bytes, local + 28);
  if (start > bytes.size() || bytes.size() - start < entry.packed)
    return damaged("an entry is cut off");
  const std::string_view packed = bytes.substr(start, entry.packed);
  std::string out;
  if (entry.method == kStored) {
    if (entry.packed != entry.size) return damaged("a stored entry has two sizes");
    out = packed;
  } else if (entry.method == kDeflated) {
    out = TRY(inflate_raw(packed, entry.size));
  } else {
    return damaged("packing method " + std::to_string(entry.method) + " is not known");
  }
  if (crc32(0, reinterpret_cast<const Bytef*>(out.data()), static_cast<uInt>(out.size())) !=
      entry.checksum)
    return damaged("an entry's checksum does not match");
  return out;
}

}  // namespace

bool looks_like_zip(std::string_view bytes) {
  return bytes.size() >= kEndBytes && number_at<std::uint32_t>(bytes, 0) == kLocalSignature;
}

Result<std::map<std::string, std::string>> read_zip(std::string_view bytes,
                                                    const ZipLimits& limits) {
  const std::size_t end = TRY(find_end(bytes));
  const std::size_t entries = number_at<std::uint16_t>(bytes, end + 10);
  std::size_t at = number_at<std::uint32_t>(bytes, end + 16);
  if (entries > limits.entries_max) return damaged("more entries than are read");
  std::map<std::string, std::string> out;
  std::size_t left = limits.bytes_max;
  for (std::size_t i = 0; i < entries; ++i) {
    if (at > bytes.size() || bytes.size() - at < kCentralBytes ||
        number_at<std::uint32_t>(bytes, at) != kCentralSignature)
      return damaged("the list of entries is cut off");
    const Entry entry{
        number_at<std::uint16_t>(bytes, at + 8),  number_at<std::uint16_t>(bytes, at + 10),
        number_at<std::uint32_t>(bytes, at + 16), number_at<std::uint32_t>(bytes, at + 20),
        number_at<std::uint32_t>(bytes, at + 24), number_at<std::uint32_t>(bytes, at + 42)};
    const std::size_t name = number_at<std::uint16_t>(bytes, at + 28);
    const std::size_t next = at + kCentralBytes + name + number_at<std::uint16_t>(bytes, at + 30) +
                             number_at<std::uint16_t>(bytes, at + 32);
    if (next > bytes.size()) return damaged("the list of entries is cut off");
    if (entry.size > left) return damaged("it unpacks to more bytes than are read");
    left -= entry.size;
    out[std::string(bytes.substr(at + kCentralBytes, name))] = TRY(read_entry(bytes, entry));
    at = next;
  }
  return out;
}

}  // namespace tidemill::infer
