// Owning file descriptors and the system calls that blobs need; errno becomes an Error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::blobs {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

// Shared by the cache of open files and current readers: the bytes of an unlinked file remain until
// its last reader closes it.
using SharedFile = std::shared_ptr<const FileDescriptor>;

// Tidemill.StorageFull for ENOSPC, EDQUOT and EFBIG; Tidemill.NotFound for ENOENT; otherwise
// Tidemill.Io.
Error system_error(std::string_view action, std::string_view path, int error_number);

Result<SharedFile> open_file(const std::string& path, int flags);
// Succeeds also when the directory exists; returns whether it was created.
Result<bool> make_directory(const std::string& path);
Result<void> write_fully(const FileDescriptor& file, std::string_view bytes, std::uint64_t offset);
// Writes `head`, then `bytes`.
Result<void> write_fully(const FileDescriptor& file, std::string_view head, std::string_view bytes,
                         std::uint64_t offset);
// Returns less than `length` only at the end of the file.
Result<std::size_t> read_fully(const FileDescriptor& file, char* into, std::size_t length,
                               std::uint64_t offset);

}  // namespace tidemill::blobs
