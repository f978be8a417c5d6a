#include "base/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
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

std::unexpected<Error> unwritable(const std::filesystem::path& path) {
  return fail(errno == ENOSPC ? codes::kStorageFull : codes::kIo,
              "cannot write " + path.string() + ": " + std::strerror(errno));
}

Result<std::string> read_all(const Descriptor& file, const std::filesystem::path& path) {
  std::string text;
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count == 0) return text;
    if (count > 0) text.append(piece.data(), std::size_t(count));
    if (count < 0 && errno != EINTR) return unreadable(path);
  }
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return unreadable(path);
  return read_all(file, path);
}

Result<std::string> read_secret_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return unreadable(path);
  if (status.st_mode & 077)
    return fail(codes::kInvalid, "the secret in " + path.string() +
                                     " may be read by others; run: chmod 600 " + path.string());
  return read_all(file, path);
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode) {
  const std::string draft = path.string() + ".new";
  // A crash may have left one, perhaps with another mode.
  ::unlink(draft.c_str());
  {
    const Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file || ::fchmod(file.get(), mode) != 0 || !write_all(file.get(), text) ||
        ::fsync(file.get()) != 0)
      return unwritable(path);
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return unwritable(path);
  return {};
}

Result<void> write_file_durably(const std::filesystem::path& path, std::string_view text,
                                unsigned mode) {
  TRY(write_file_atomically(path, text, mode));
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return unwritable(path);
  return {};
}

}  // namespace tidemill
