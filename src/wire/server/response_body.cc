#include "wire/server/response_body.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tidemill::wire {

Result<std::string> read_piece(ByteSource& source, bool chunked, std::uint64_t limit_bytes) {
  std::string piece;
  constexpr std::size_t prefix_bytes = 10;  // eight digits, CR, LF
  const std::size_t start = chunked ? prefix_bytes : 0;
  const std::size_t wanted = std::min<std::uint64_t>(response_piece_bytes, limit_bytes);
  Result<std::size_t> count = 0;
  piece.resize_and_overwrite(start + wanted + 2, [&](char* bytes, std::size_t) {
    count = source.read({bytes + start, wanted});
    return count ? start + *count : 0;
  });
  if (!count) return std::unexpected<Error>(count.error());
  if (*count == 0) return std::string();
  if (!chunked) return piece;
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, *count, 16);
  const std::size_t length = std::size_t(end - digits);
  std::memset(piece.data(), '0', prefix_bytes - 2);
  std::memcpy(piece.data() + prefix_bytes - 2 - length, digits, length);
  std::memcpy(piece.data() + prefix_bytes - 2, "\r\n", 2);
  piece.append("\r\n");
  return piece;
}

void append_chunk_head(std::size_t size, std::string& out) {
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, size, 16);
  out.append(digits, end).append("\r\n");
}

}  // namespace tidemill::wire
