#include "services/platform/archives/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/descriptor.h"
#include "services/platform/cancellation/stop_check.h"

namespace tidemill::services::platform {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBufferBytes = 256 * 1024;
// A later walk through the folders holds a descriptor and a buffer for each level.
constexpr std::ptrdiff_t kUnpackedDepthMax = 64;
constexpr std::size_t kShownNameBytes = 60;

Error io_error(const std::string& what) {
  const char* code = errno == ENOSPC || errno == EDQUOT ? codes::kStorageFull : codes::kIo;
  if (errno == ENOENT) code = codes::kNotFound;
  return Error{code, what + ": " + std::strerror(errno)};
}

// `otherwise`: the code of errors that no system call caused. When an archive is read, these are
// the archive's fault, and trying again does not help.
Error archive_failure(archive* handle, const std::string& what,
                      const char* otherwise = codes::kInvalid) {
  const char* text = archive_error_string(handle);
  const char* code = otherwise;
  for (int error : {ENOSPC, EDQUOT})
    if (archive_errno(handle) == error) code = codes::kStorageFull;
  for (int error : {EIO, ENOMEM, EMFILE, ENFILE, EROFS, EACCES, EPERM})
    if (archive_errno(handle) == error) code = codes::kIo;
  return Error{code, what + ": " + (text ? text : "it is damaged or cut off")};
}

// libarchive converts names that archives store as UTF-8 to the thread's locale, and gives no name
// where that fails.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) before_ = ::uselocale(locale_);
  }
  ~Utf8Names() {
    if (!locale_) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t locale_, before_ = nullptr;
};

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

// A range with bytes; between extents are holes, which read as zeros.
struct Extent {
  off_t offset = 0;
  off_t length = 0;
};

// Empty when the file needs no sparse entry: it has no significant holes, or its file system does
// not report any. A file that is a single hole has one extent of length 0.
std::vector<Extent> extents_of_sparse(int file, off_t size) {
  constexpr off_t kHolesBytesMin = 1 << 20;
  constexpr std::size_t kExtentsMax = 10'000;
  std::vector<Extent> extents;
  off_t data_bytes = 0;
  for (off_t at = 0; at < size && extents.size() <= kExtentsMax;) {
    const off_t begin = ::lseek(file, at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) break;  // a hole up to the end of the file
    if (begin < 0) return {};
    const off_t end = std::min(::lseek(file, begin, SEEK_HOLE), size);
    if (end <= begin) return {};
    extents.push_back({begin, end - begin});
    data_bytes += end - begin;
    at = end;
  }
  if (size - data_bytes < kHolesBytesMin || extents.size() > kExtentsMax) return {};
  if (extents.empty()) extents.push_back({0, 0});
  return extents;
}

// Packs one file's bytes. Holes are neither read nor stored: the writer takes zeros for them and
// writes nothing.
class FilePacker {
 public:
  FilePacker(archive* writer, const std::string& name, StopCheck* stop)
      : writer_(writer), name_(name), stop_(stop), buffer_(kBufferBytes) {}

  Result<void> read_from(int file, off_t offset, off_t length) {
    while (length > 0) {
      const auto wanted = std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(length));
      const ssize_t count = ::pread(file, buffer_.data(), wanted, offset);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail(io_error("read " + name_));
      if (count == 0) return zeros(length);  // cut meanwhile; its header has the old size
      TRY(write(buffer_.data(), static_cast<std::size_t>(count)));
      offset += count;
      length -= count;
    }
    return {};
  }

  Result<void> zeros(off_t length) {
    static const std::vector<char> kZeros(1 << 20);
    while (length > 0) {
      const auto count = std::min<std::size_t>(kZeros.size(), static_cast<std::size_t>(length));
      TRY(write(kZeros.data(), count));
      length -= static_cast<off_t>(count);
    }
    return {};
  }

 private:
  Result<void> write(const char* bytes, std::size_t count) {
    if (stop_) TRY(stop_->check());
    if (archive_write_data(writer_, bytes, count) < 0)
      return fail(archive_failure(writer_, "pack " + name_, codes::kIo));
    return {};
  }

  archive* writer_;
  const std::string& name_;
  StopCheck* stop_;
  std::vector<char> buffer_;
};

Result<void> pack_bytes(archive* writer, int file, off_t size, const std::vector<Extent>& extents,
                        const std::string& name, StopCheck* stop) {
  FilePacker packer(writer, name, stop);
  if (extents.empty()) return packer.read_from(file, 0, size);
  off_t at = 0;
  for (const Extent& extent : extents) {
    TRY(packer.zeros(extent.offset - at));
    TRY(packer.read_from(file, extent.offset, extent.length));
    at = extent.offset + extent.length;
  }
  return packer.zeros(size - at);
}

// Returns false when entries of this kind are left out (sockets, devices).
Result<bool> pack_entry(archive* writer, const fs::path& path, const std::string& name,
                        StopCheck* stop) {
  if (stop) TRY(stop->check());
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return fail(io_error("stat " + name));
  Descriptor file;
  std::vector<Extent> extents;
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
    file = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return fail(io_error("open " + name));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), status.st_size);
    extents = extents_of_sparse(file.get(), status.st_size);
    for (const Extent& extent : extents)
      archive_entry_sparse_add_entry(entry.get(), extent.offset, extent.length);
  } else {
    return false;
  }
  // A warning means that the name is not UTF-8. It is written as it is.
  if (archive_write_header(writer, entry.get()) < ARCHIVE_WARN)
    return fail(archive_failure(writer, "pack " + name, codes::kIo));
  if (file) TRY(pack_bytes(writer, file.get(), status.st_size, extents, name, stop));
  return true;
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path) {
  // O_NONBLOCK: opening a pipe that user code put there would wait forever for its writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
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

Result<ApparentSize> apparent_size(const std::string& folder, StopCheck* stop) {
  ApparentSize size;
  std::error_code problem;
  for (auto walk = fs::recursive_directory_iterator(folder, problem);
       !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem)) {
    if (stop) TRY(stop->check());
    struct stat status;
    if (::lstat(walk->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    size.bytes += bytes;
    if (bytes < size.largest_bytes) continue;
    size.largest_bytes = bytes;
    size.largest = walk->path().lexically_relative(folder).string();
  }
  if (problem) return fail(codes::kIo, "measure a folder: " + problem.message());
  return size;
}

Result<std::uint64_t> pack_tar_gz(const std::string& folder, const std::string& file,
                                  StopCheck* stop) {
  const Utf8Names names;
  std::unique_ptr<archive, WriterCloser> writer(archive_write_new());
  archive_write_add_filter_gzip(writer.get());
  archive_write_set_format_pax_restricted(writer.get());
  if (archive_write_open_filename(writer.get(), file.c_str()) != ARCHIVE_OK)
    return fail(archive_failure(writer.get(), "create " + file, codes::kIo));
  std::uint64_t entries = 0;
  std::error_code problem;
  // recursive_directory_iterator does not follow links to folders.
  for (auto walk = fs::recursive_directory_iterator(folder, problem);
       !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem)) {
    const std::string name = walk->path().lexically_relative(folder).string();
    if (TRY(pack_entry(writer.get(), walk->path(), name, stop))) ++entries;
  }
  if (problem) return fail(codes::kIo, "pack " + folder + ": " + problem.message());
  if (archive_write_close(writer.get()) != ARCHIVE_OK)
    return fail(archive_failure(writer.get(), "finish " + file, codes::kIo));
  return entries;
}

namespace {

// Returns the path of the entry and sets its permissions; "": the entry is left out.
Result<std::string> place_entry(archive_entry* entry, const std::string& folder) {
  const char* path = archive_entry_pathname(entry);
  if (!path) return fail(codes::kInvalid, "the name of an entry is no text");
  // Leading slashes are removed, as by tar: the SageMaker SDK's archives begin with a folder "/".
  std::string name = path;
  name.erase(0, std::min(name.find_first_not_of('/'), name.size()));
  // The folder itself exists already.
  if (const std::string normal = fs::path(name).lexically_normal(); normal == "." || normal == "./")
    name.clear();
  if (name.empty()) return name;
  if (std::ranges::count(name, '/') > kUnpackedDepthMax)
    return fail(codes::kInvalid, "the entry " + name.substr(0, kShownNameBytes) +
                                     "... lies deeper than " + std::to_string(kUnpackedDepthMax) +
                                     " folders");
  const auto type = archive_entry_filetype(entry);
  const char* hard_link = archive_entry_hardlink(entry);
  if (!hard_link && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
    return fail(codes::kInvalid, "the entry " + name +
                                     " is a device or a pipe; archives hold files, folders and "
                                     "links");
  archive_entry_set_pathname(entry, (folder + "/" + name).c_str());
  if (hard_link) archive_entry_set_hardlink(entry, (folder + "/" + std::string(hard_link)).c_str());
  // The server itself must be able to enter and read what it unpacked.
  constexpr auto kFileMode = 0600, kFolderMode = 0700;
  archive_entry_set_perm(
      entry, (archive_entry_perm(entry) & 0777) | (type == AE_IFDIR ? kFolderMode : kFileMode));
  return name;
}

}  // namespace

Result<void> unpack_tar(const std::string& file, const std::string& folder, std::uint64_t bytes_max,
                        StopCheck* stop) {
  const Utf8Names names;
  std::unique_ptr<archive, ReaderCloser> reader(archive_read_new());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), file.c_str(), kBufferBytes) != ARCHIVE_OK)
    return fail(archive_failure(reader.get(), "open the archive"));
  std::unique_ptr<archive, WriterCloser> disk(archive_write_disk_new());
  archive_write_disk_set_options(disk.get(), ARCHIVE_EXTRACT_TIME |
                                                 ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                                 ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  std::uint64_t bytes = 0;
  for (std::size_t entries = 0;; ++entries) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status < ARCHIVE_WARN) return fail(archive_failure(reader.get(), "read the archive"));
    if (entries == kUnpackedEntriesMax)
      return fail(codes::kOverloaded,
                  "the archive has more than " + std::to_string(kUnpackedEntriesMax) + " entries");
    if (stop) TRY(stop->check());
    const std::string name = TRY(place_entry(entry, folder));
    if (name.empty()) continue;
    // Counts the apparent size: a sparse entry is small only until somebody reads it.
    bytes += static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
    if (bytes > bytes_max)
      return fail(codes::kOverloaded,
                  "the archive unpacks to more than " + std::to_string(bytes_max) + " bytes");
    auto failed = [&] {
      Error error = archive_failure(disk.get(), "unpack " + name);
      for (std::size_t at; (at = error.message.find(folder + "/")) != std::string::npos;)
        error.message.erase(at, folder.size() + 1);
      return fail(std::move(error));
    };
    if (archive_write_header(disk.get(), entry) != ARCHIVE_OK) return failed();
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int read = ARCHIVE_OK;
    while ((read = archive_read_data_block(reader.get(), &block, &size, &offset)) == ARCHIVE_OK) {
      if (stop) TRY(stop->check());
      if (archive_write_data_block(disk.get(), block, size, offset) < ARCHIVE_OK) return failed();
    }
    if (read != ARCHIVE_EOF) return fail(archive_failure(reader.get(), "read " + name));
    if (archive_write_finish_entry(disk.get()) < ARCHIVE_WARN) return failed();
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
  // Checked when all links are final, since one may lead through another.
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

}  // namespace tidemill::services::platform
