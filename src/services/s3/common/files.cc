#include "services/s3/common/files.h"

#include <fcntl.h>
#include <unistd.h>

#include "blobs/file_descriptor.h"
#include "blobs/file_source.h"
#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

Result<std::unique_ptr<ByteSource>> open_file(const std::string& path) {
  blobs::SharedFile file = TRY(blobs::open_file(path, O_RDONLY));
  const off_t size = ::lseek(file->get(), 0, SEEK_END);
  if (size < 0) return fail(codes::kIo, "the size of " + path + " cannot be read");
  return std::make_unique<blobs::FileSource>(std::move(file), 0, std::uint64_t(size));
}

Result<void> write_to_file(ByteSource& bytes, const std::string& path) {
  blobs::SharedFile file = TRY(blobs::open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  auto buffer = std::make_unique<char[]>(limits::body_piece_bytes);
  std::uint64_t position = 0;
  for (;;) {
    const std::size_t got = TRY(bytes.read(std::span(buffer.get(), limits::body_piece_bytes)));
    if (got == 0) return {};
    TRY(blobs::write_fully(*file, std::string_view(buffer.get(), got), position));
    position += got;
  }
}

}  // namespace tidemill::services::s3
