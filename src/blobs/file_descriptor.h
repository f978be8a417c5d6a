// Owned file descriptors and the few system calls blobs need, with errno turned into Errors.
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

// Shared between the open-file cache and the readers that are under way: an unlinked file's bytes
// stay until the last of them closes it.
using SharedFile = std::shared_ptr<const FileDescriptor>;

// Tidemill.StorageFull for ENOSPC, EDQUOT and EFBIG, Tidemill.NotFound for ENOENT, else
// Tidemill.Io.
Error system_error(std::string_view action, std::string_view path, int error_number);

Result<SharedFile> open_file(const std::string& path, int flags);
// Succeeds when it is there already; true when it was made.
Result<bool> make_directory(const std::string& path);
Result<void> write_fully(const FileDescriptor& file, std::string_view bytes, std::uint64_t offset);
// `head` and `bytes` one after the other.
Result<void> write_fully(const FileDescriptor& file, std::string_view head, std::string_view bytes,
                         std::uint64_t offset);
// Less than `length` only at the end of the file.
Result<std::size_t> read_fully(const FileDescriptor& file, char* into, std::size_t length,
                               std::uint64_t offset);

}  // namespace tidemill::blobs
