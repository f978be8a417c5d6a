#include "server/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace tidemill::server {

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode) {
  auto failed = [&](const char* step) {
    return fail(errno == ENOSPC ? codes::kStorageFull : codes::kIo,
                std::string("cannot ") + step + " " + path.string() + ": " + std::strerror(errno));
  };
  std::string temporary = path.string() + ".new";
  int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (descriptor < 0) return failed("create");
  bool written =
      write(descriptor, text.data(), text.size()) == ssize_t(text.size()) && fsync(descriptor) == 0;
  int saved = errno;
  close(descriptor);
  errno = saved;
  if (!written) return failed("write");
  if (rename(temporary.c_str(), path.c_str()) != 0) return failed("rename");
  return {};
}

}  // namespace tidemill::server
