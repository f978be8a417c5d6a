#include "blobs/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tidemill::blobs {

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

Error system_error(std::string_view action, std::string_view path, int error_number) {
  const char* code = codes::kIo;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG)
    code = codes::kStorageFull;
  else if (error_number == ENOENT)
    code = codes::kNotFound;
  std::string message = "cannot ";
  message.append(action).append(" ").append(path).append(": ");
  message += std::strerror(error_number);
  return Error{code, std::move(message)};
}

Result<SharedFile> open_file(const std::string& path, int flags) {
  int number = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (number < 0) return fail(system_error("open", path, errno));
  return std::make_shared<const FileDescriptor>(number);
}

Result<bool> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return true;
  if (errno == EEXIST) return false;
  return fail(system_error("make the directory", path, errno));
}

Result<void> write_fully(const FileDescriptor& file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t written = ::pwrite(file.get(), bytes.data(), bytes.size(), off_t(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("write to", "a blob file", errno));
    }
    bytes.remove_prefix(std::size_t(written));
    offset += std::uint64_t(written);
  }
  return {};
}

Result<void> write_fully(const FileDescriptor& file, std::string_view head, std::string_view bytes,
                         std::uint64_t offset) {
  iovec pieces[2] = {{const_cast<char*>(head.data()), head.size()},
                     {const_cast<char*>(bytes.data()), bytes.size()}};
  ssize_t written = 0;
  do written = ::pwritev(file.get(), pieces, 2, off_t(offset));
  while (written < 0 && errno == EINTR);
  if (written < 0) return fail(system_error("write to", "a blob segment", errno));
  // A short write is rare (a full disk, a signal); the rest is written in pieces.
  std::size_t done = std::size_t(written);
  if (done < head.size()) {
    TRY(write_fully(file, head.substr(done), offset + done));
    done = head.size();
  }
  return write_fully(file, bytes.substr(done - head.size()), offset + done);
}

Result<std::size_t> read_fully(const FileDescriptor& file, char* into, std::size_t length,
                               std::uint64_t offset) {
  std::size_t done = 0;
  while (done < length) {
    ssize_t got = ::pread(file.get(), into + done, length - done, off_t(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("read from", "a blob file", errno));
    }
    if (got == 0) break;
    done += std::size_t(got);
  }
  return done;
}

}  // namespace tidemill::blobs
