#include "wire/server/response_body.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/log.h"

namespace tidemill::wire {
namespace {

// A part of a file as a stream, for connections that cannot sendfile.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(FileRange range) : range_(std::move(range)), size_(range_.length) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), range_.length);
    if (wanted == 0) return 0;
    const ssize_t count = ::pread(range_.descriptor, buffer.data(), wanted, off_t(range_.offset));
    if (count < 0) return fail(codes::kIo, std::string("cannot read: ") + std::strerror(errno));
    range_.offset += std::uint64_t(count);
    range_.length -= std::uint64_t(count);
    return std::size_t(count);
  }

 private:
  FileRange range_;
  std::uint64_t size_;
};

}  // namespace

std::unique_ptr<ByteSource> stream_file(FileRange range) {
  return std::make_unique<FileSource>(std::move(range));
}

void load_small_file(HttpResponse& response) {
  const FileRange range = std::move(*response.file);
  response.file.reset();
  std::size_t done = 0;
  response.body.resize(range.length);
  while (done < range.length) {
    const ssize_t count = ::pread(range.descriptor, response.body.data() + done,
                                  range.length - done, off_t(range.offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count > 0) {
      done += std::size_t(count);
      continue;
    }
    log::error("file is shorter than its response", {{"missing_bytes", range.length - done}});
    response = HttpResponse();
    response.status = 500;
    response.headers.add("Content-Type", "text/plain");
    response.body = "The data of this response cannot be read.\n";
    return;
  }
}

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
