// Whether a path still leads to the file or folder it led to: what is written through an open
// descriptor is lost when its name was removed meanwhile.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tidemill {

// Thread-safe: it does not change.
class FileIdentity {
 public:
  // Tidemill.Io when there is nothing at the path.
  static Result<FileIdentity> of(const std::string& path);
  // Tidemill.Io, in words for whoever runs the server, when the path leads to nothing, or to
  // something else than at the time of of(). One system call.
  Result<void> check() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

}  // namespace tidemill
