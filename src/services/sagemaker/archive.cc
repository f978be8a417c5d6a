#include "services/sagemaker/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/descriptor.h"

namespace tidemill::services::sagemaker {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBufferBytes = 256 * 1024;

Error io_error(const std::string& what) {
  const char* code = errno == ENOSPC || errno == EDQUOT ? codes::kStorageFull : codes::kIo;
  if (errno == ENOENT) code = codes::kNotFound;
  return Error{code, what + ": " + std::strerror(errno)};
}

Error archive_failure(archive* handle, const std::string& what) {
  const char* text = archive_error_string(handle);
  const bool full = archive_errno(handle) == ENOSPC;
  return Error{full ? codes::kStorageFull : codes::kIo,
               what + ": " + (text ? text : "unknown error of libarchive")};
}

struct WriterCloser {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
struct ReaderCloser {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
struct EntryCloser {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

class FileSource final : public ByteSource {
 public:
  FileSource(Descriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    for (;;) {
      const ssize_t count = ::read(file_.get(), buffer.data(), buffer.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return fail(io_error("read a file"));
    }
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  Descriptor file_;
  std::uint64_t size_;
};

Result<void> pack_file(archive* writer, const std::string& path) {
  std::unique_ptr<ByteSource> source = TRY(open_file_source(path));
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    const std::size_t count = TRY(source->read(buffer));
    if (count == 0) return {};
    if (archive_write_data(writer, buffer.data(), count) < 0)
      return fail(archive_failure(writer, "pack " + path));
  }
}

// False when the entry is of a kind that is left out (sockets, devices).
Result<bool> pack_entry(archive* writer, const fs::path& path, const std::string& name) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return fail(io_error("stat " + path.string()));
  std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, 0);
  archive_entry_set_perm(entry.get(), status.st_mode & 0777);
  if (S_ISDIR(status.st_mode)) {
    archive_entry_set_filetype(entry.get(), AE_IFDIR);
  } else if (S_ISLNK(status.st_mode)) {
    std::error_code problem;
    archive_entry_set_filetype(entry.get(), AE_IFLNK);
    archive_entry_set_symlink(entry.get(), fs::read_symlink(path, problem).c_str());
  } else if (S_ISREG(status.st_mode)) {
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), status.st_size);
  } else {
    return false;
  }
  if (archive_write_header(writer, entry.get()) != ARCHIVE_OK)
    return fail(archive_failure(writer, "pack " + path.string()));
  if (S_ISREG(status.st_mode)) TRY(pack_file(writer, path));
  return true;
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) != 0) return fail(io_error("open " + path));
  if (!S_ISREG(status.st_mode)) return fail(codes::kIo, path + " is no plain file");
  return std::unique_ptr<ByteSource>(
      std::make_unique<FileSource>(std::move(file), static_cast<std::uint64_t>(status.st_size)));
}

Result<void> write_file(const std::string& path, ByteSource& source) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return fail(io_error("create " + path));
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    const std::size_t count = TRY(source.read(buffer));
    if (count == 0) return {};
    if (!write_all(file.get(), {buffer.data(), count})) return fail(io_error("write " + path));
  }
}

Result<std::uint64_t> pack_tar_gz(const std::string& folder, const std::string& file) {
  std::unique_ptr<archive, WriterCloser> writer(archive_write_new());
  archive_write_add_filter_gzip(writer.get());
  archive_write_set_format_pax_restricted(writer.get());
  if (archive_write_open_filename(writer.get(), file.c_str()) != ARCHIVE_OK)
    return fail(archive_failure(writer.get(), "create " + file));
  std::uint64_t entries = 0;
  std::error_code problem;
  // recursive_directory_iterator does not follow links to folders.
  for (auto walk = fs::recursive_directory_iterator(folder, problem);
       !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem)) {
    const std::string name = walk->path().lexically_relative(folder).string();
    if (TRY(pack_entry(writer.get(), walk->path(), name))) ++entries;
  }
  if (problem) return fail(codes::kIo, "pack " + folder + ": " + problem.message());
  if (archive_write_close(writer.get()) != ARCHIVE_OK)
    return fail(archive_failure(writer.get(), "finish " + file));
  return entries;
}

Result<void> unpack_tar(const std::string& file, const std::string& folder,
                        std::uint64_t bytes_max) {
  std::unique_ptr<archive, ReaderCloser> reader(archive_read_new());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), file.c_str(), kBufferBytes) != ARCHIVE_OK)
    return fail(archive_failure(reader.get(), "open " + file));
  std::unique_ptr<archive, WriterCloser> disk(archive_write_disk_new());
  archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_TIME |
                                                 ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                 ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  std::uint64_t bytes = 0;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN) return fail(archive_failure(reader.get(), "read " + file));
    // Leading slashes go, as tar does it: the SageMaker SDK's archives begin with a folder "/".
    std::string name = archive_entry_pathname(entry);
    name.erase(0, std::min(name.find_first_not_of('/'), name.size()));
    if (name.empty()) continue;
    archive_entry_set_pathname(entry, (folder + "/" + name).c_str());
    if (const char* link = archive_entry_hardlink(entry))
      archive_entry_set_hardlink(entry, (folder + "/" + std::string(link)).c_str());
    if (archive_write_header(disk.get(), entry) != ARCHIVE_OK)
      return fail(archive_failure(disk.get(), "unpack " + name));
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int read = ARCHIVE_OK;
    while ((read = archive_read_data_block(reader.get(), &block, &size, &offset)) == ARCHIVE_OK) {
      bytes += size;
      if (bytes > bytes_max)
        return fail(codes::kOverloaded,
                    file + " unpacks to more than " + std::to_string(bytes_max) + " bytes");
      if (archive_write_data_block(disk.get(), block, size, offset) < ARCHIVE_OK)
        return fail(archive_failure(disk.get(), "unpack " + name));
    }
    if (read != ARCHIVE_EOF) return fail(archive_failure(reader.get(), "read " + file));
    if (archive_write_finish_entry(disk.get()) < ARCHIVE_WARN)
      return fail(archive_failure(disk.get(), "unpack " + name));
  }
}

Result<void> confine_links(const std::string& folder, std::string_view known_as) {
  std::error_code problem;
  std::vector<fs::path> links;
  for (auto walk = fs::recursive_directory_iterator(folder, problem);
       !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem))
    if (walk->is_symlink(problem)) links.push_back(walk->path());
  const fs::path root = fs::canonical(folder, problem);
  for (const fs::path& link : links) {
    if (problem) break;
    const fs::path inside = fs::read_symlink(link, problem).lexically_relative(known_as);
    if (problem || inside.empty() || *inside.begin() == "..") continue;
    fs::remove(link, problem);
    fs::create_symlink((fs::path(folder) / inside).lexically_relative(link.parent_path()), link,
                       problem);
  }
  // After all of them are final: one may lead through another.
  for (const fs::path& link : links) {
    if (problem) break;
    std::error_code dangles;
    const fs::path target = fs::canonical(link, dangles);
    const fs::path inside = target.lexically_relative(root);
    if (dangles || *inside.begin() == "..") fs::remove(link, problem);
  }
  if (problem) return fail(codes::kIo, "check the links of " + folder + ": " + problem.message());
  return {};
}

std::string path_without_links(const std::string& root, std::string_view relative) {
  fs::path path = root;
  for (const fs::path& part : fs::path(relative)) {
    if (part == ".." || part.is_absolute()) return "";
    path /= part;
    std::error_code problem;
    if (fs::is_symlink(fs::symlink_status(path, problem))) return "";
  }
  return path;
}

}  // namespace tidemill::services::sagemaker
