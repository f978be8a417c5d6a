#include "base/file_identity.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace tidemill {

Result<FileIdentity> FileIdentity::of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail(codes::kIo, "cannot look at " + path + ": " + std::strerror(errno));
  FileIdentity identity;
  identity.path_ = path;
  identity.device_ = status.st_dev;
  identity.inode_ = status.st_ino;
  return identity;
}

Result<void> FileIdentity::check() const {
  struct stat status{};
  const bool found = ::stat(path_.c_str(), &status) == 0;
  if (found && status.st_dev == device_ && status.st_ino == inode_) return {};
  std::string what = found             ? " was replaced by another"
                     : errno == ENOENT ? " was removed or moved away"
                                       : std::string(" cannot be reached: ") + std::strerror(errno);
  // Clients see this message: it gives the name, but not where the folder lies.
  return fail(codes::kIo, "The data folder's " + path_.substr(path_.rfind('/') + 1) + what +
                              " while the server was using it. Nothing is stored any more: put it "
                              "back as it was, or stop the server and start it again.");
}

}  // namespace tidemill
