#include "base/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace tidemill {
namespace {

std::unexpected<Error> unreadable(const std::filesystem::path& path) {
  return fail(errno == ENOENT ? codes::kNotFound : codes::kIo,
              "cannot read " + path.string() + ": " + std::strerror(errno));
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return unreadable(path);
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count == 0) return text;
    if (count > 0) text.append(piece.data(), std::size_t(count));
    if (count < 0 && errno != EINTR) return unreadable(path);
  }
}

}  // namespace tidemill
