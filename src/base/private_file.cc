#include "base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace tidemill {
namespace {

constexpr std::size_t kFileBytesMax = 65536;

std::unexpected<Error> io_error(const std::filesystem::path& path, std::string_view what,
                                const char* deed) {
  return fail(codes::kIo, std::string("cannot ") + deed + " " + std::string(what) + " " +
                              path.string() + ": " + std::strerror(errno));
}

}  // namespace

Result<std::string> read_private_file(const std::filesystem::path& path, std::string_view what) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT)
    return fail(codes::kNotFound,
                "there is no file " + path.string() + " with " + std::string(what));
  if (!file) return io_error(path, what, "read");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return io_error(path, what, "read");
  if (status.st_mode & 077)
    return fail(codes::kInvalid, std::string(what) + " " + path.string() +
                                     " may be read by others; run: chmod 600 " + path.string());
  std::string text(kFileBytesMax, '\0');
  const ssize_t count = ::read(file.get(), text.data(), text.size());
  if (count < 0) return io_error(path, what, "read");
  text.resize(std::size_t(count));
  return text;
}

Result<void> write_private_file(const std::filesystem::path& path, std::string_view text,
                                std::string_view what) {
  // Under another name first: a crash leaves either no file or a whole one.
  const std::filesystem::path draft = path.string() + ".new";
  ::unlink(draft.c_str());
  {
    const Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file || ::fchmod(file.get(), 0600) != 0 || !write_all(file.get(), text) ||
        ::fsync(file.get()) != 0)
      return io_error(path, what, "write");
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return io_error(path, what, "write");
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return io_error(path, what, "write");
  return {};
}

}  // namespace tidemill
