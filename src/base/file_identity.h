// Checks that a path still leads to the same file or folder: data written through an open
// descriptor is lost if its name was removed meanwhile.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tidemill {

// Thread-safe: it is immutable.
class FileIdentity {
 public:
  // Tidemill.Io when nothing exists at the path.
  static Result<FileIdentity> of(const std::string& path);
  // Tidemill.Io, in words for the server's operator, when the path leads to nothing, or to
  // something else than when of() was called. One system call.
  Result<void> check() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

}  // namespace tidemill
