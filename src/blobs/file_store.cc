#include "blobs/file_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/log.h"

namespace tidemill::blobs {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kTemporaryPrefix = "tmp-";
constexpr std::size_t kRunLength = 8;
constexpr std::size_t kNameLength = 32;

// The path below the root of all blobs: the blob "f/ab/name" is stored in "files/ab/name".
std::string path_below_root(const BlobRef& blob) { return "files" + blob.location.substr(1); }

std::string folder_name(unsigned number) {
  return {kHexDigits[number / 16 % 16], kHexDigits[number % 16]};
}

}  // namespace

FileStore::FileStore(std::string directory, SharedFile directory_file, GroupSync& directory_sync,
                     Random& random, Quarantine& quarantine)
    : directory_(std::move(directory)),
      directory_file_(std::move(directory_file)),
      directory_sync_(directory_sync),
      random_(random),
      quarantine_(quarantine),
      run_(make_token(random, kRunLength, kHexDigits)) {}

Result<FileStore::NewFile> FileStore::create() {
  if (unnamed_files_) {
    int number = ::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (number >= 0) return NewFile{std::make_shared<const FileDescriptor>(number), ""};
    // These mean that the file system lacks O_TMPFILE.
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
      return fail(system_error("make a blob file in", directory_, errno));
    unnamed_files_ = false;
  }
  std::string path = directory_ + "/" + std::string(kTemporaryPrefix) + new_name();
  SharedFile file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL));
  return NewFile{std::move(file), std::move(path)};
}

Result<std::string> FileStore::publish(const NewFile& file) {
  TRY(data_sync_.sync(file.file));
  unsigned number = unsigned(random_.next() % folders_.size());
  SharedFile into = TRY(folder(number));
  std::string name = new_name();
  int result = 0;
  if (file.temporary_path.empty()) {
    std::string self = "/proc/self/fd/" + std::to_string(file.file->get());
    result = ::linkat(AT_FDCWD, self.c_str(), into->get(), name.c_str(), AT_SYMLINK_FOLLOW);
  } else {
    result = ::renameat(AT_FDCWD, file.temporary_path.c_str(), into->get(), name.c_str());
  }
  if (result != 0) return fail(system_error("name", "a blob file", errno));
  if (Result<void> synced = directory_sync_.sync(into); !synced) {
    ::unlinkat(into->get(), name.c_str(), 0);
    return fail(std::move(synced).error());
  }
  ++files_written_;
  return "f/" + folder_name(number) + "/" + name;
}

void FileStore::discard(const NewFile& file) {
  if (!file.temporary_path.empty()) ::unlink(file.temporary_path.c_str());
}

Result<SharedFile> FileStore::folder(unsigned number) {
  std::lock_guard lock(folders_mutex_);
  if (folders_[number]) return folders_[number];
  std::string path = directory_ + "/" + folder_name(number);
  if (TRY(make_directory(path))) TRY(directory_sync_.sync(directory_file_));
  folders_[number] = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  return folders_[number];
}

std::string FileStore::new_name() {
  return run_ + make_token(random_, kNameLength - kRunLength, kHexDigits);
}

Result<std::string> FileStore::path_of(const BlobRef& blob) const {
  // Accepts exactly "f/ab/<32 hexadecimal digits>", so that no location leads out of the directory.
  std::string_view location = blob.location;
  bool shaped = location.size() == 5 + kNameLength && location[4] == '/';
  if (!shaped || location.substr(2, 2).find_first_not_of(kHexDigits) != std::string_view::npos ||
      location.substr(5).find_first_not_of(kHexDigits) != std::string_view::npos)
    return fail(codes::kNotFound, "no blob at '" + blob.location + "'");
  return directory_ + "/" + blob.location.substr(2);
}

Result<FileStore::Opened> FileStore::open(const BlobRef& blob) const {
  std::string path = TRY(path_of(blob));
  Result<SharedFile> file = open_file(path, O_RDONLY);
  if (!file && file.error().code == codes::kNotFound && quarantine_.restore(path_below_root(blob)))
    file = open_file(path, O_RDONLY);
  if (!file && file.error().code == codes::kNotFound)
    return fail(codes::kNotFound, "no blob at '" + blob.location + "': its file is missing");
  if (!file) return fail(std::move(file).error());
  return Opened{*std::move(file), std::move(path)};
}

void FileStore::keep(const BlobRef& blob) const {
  if (path_of(blob)) quarantine_.restore(path_below_root(blob));
}

void FileStore::release(const BlobRef& blob) const {
  Result<std::string> path = path_of(blob);
  // Open readers keep the bytes. Not synced: if the name reappears after a power loss, the next
  // collection removes it.
  if (path && ::unlink(path->c_str()) != 0 && errno != ENOENT)
    log::warning("a blob file cannot be removed", {{"path", *path}});
}

Result<void> FileStore::remove_all_but(const std::unordered_set<std::string>& live, Timestamp now,
                                       Coverage coverage) const {
  std::error_code error;
  namespace fs = std::filesystem;
  std::size_t moved = 0;
  for (auto entry = fs::recursive_directory_iterator(directory_, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    bool temporary = name.starts_with(kTemporaryPrefix);
    if (!temporary && name.size() != kNameLength) continue;
    std::string_view named = name;
    if (temporary) named.remove_prefix(kTemporaryPrefix.size());
    if (named.starts_with(run_) || live.contains(name)) continue;
    // A temporary file was never acknowledged; any other file may have been.
    if (temporary) {
      ::unlink(entry->path().c_str());
      continue;
    }
    if (coverage == Coverage::damaged) continue;
    const std::string below = entry->path().string().substr(directory_.size());
    if (Result<void> taken = quarantine_.take("files" + below, now))
      ++moved;
    else
      log::warning("a blob file without a record stays", {{"reason", taken.error().message}});
  }
  if (error) return fail(system_error("list", directory_, error.value()));
  if (moved > 0)
    log::info("blob files without a record moved to quarantine", {{"count", std::int64_t(moved)}});
  return {};
}

}  // namespace tidemill::blobs
