#include "base/file_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace tidemill {

namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::unexpected<Error> tree_error(const std::string& what) {
  const int number = errno;
  const char* code = number == ENOSPC || number == EDQUOT ? codes::kStorageFull : codes::kIo;
  if (number == ENOENT) code = codes::kNotFound;
  return fail(code, what + ": " + std::strerror(number));
}

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// The names in an open folder, without "." and "..".
Result<std::vector<std::string>> list_names(int folder) {
  const int copy = ::openat(folder, ".", kFolderFlags);
  if (copy < 0) return tree_error("open a folder");
  std::unique_ptr<DIR, FolderCloser> stream(::fdopendir(copy));
  if (!stream) {
    ::close(copy);
    return tree_error("read a folder");
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return tree_error("read a folder");
  return names;
}

// A folder on the current path, and its entries that are still to be visited.
struct Level {
  dev_t device;
  ino_t inode;
  std::vector<std::string> folders;
  std::size_t path_bytes;  // length of the path to it
};

class Walk {
 public:
  using Visit = std::function<Result<void>(const TreeEntry&)>;
  explicit Walk(const Visit& visit) : visit_(visit) {}

  Result<void> run(const std::string& root) {
    here_ = Descriptor(::open(root.c_str(), kFolderFlags));
    if (!here_) return tree_error("open " + root);
    TRY(enter());
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.folders.empty()) {
        TRY(leave());
        continue;
      }
      const std::string name = std::move(level.folders.back());
      level.folders.pop_back();
      Descriptor below(::openat(here_.get(), name.c_str(), kFolderFlags));
      if (!below && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) continue;
      if (!below) return tree_error("open " + path_ + name);
      path_ += name + "/";
      here_ = std::move(below);
      TRY(enter());
    }
    return {};
  }

 private:
  // Visits the entries of the folder that was just opened.
  Result<void> enter() {
    struct stat own;
    if (::fstat(here_.get(), &own) != 0) return tree_error("stat a folder");
    Level level{own.st_dev, own.st_ino, {}, path_.size()};
    for (std::string& name : TRY(list_names(here_.get()))) {
      struct stat status;
      if (::fstatat(here_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return tree_error("stat " + path_ + name);
      }
      const std::string path = path_ + name;
      TRY(visit_({here_.get(), name.c_str(), path, levels_.size() + 1, status}));
      if (S_ISDIR(status.st_mode)) level.folders.push_back(std::move(name));
    }
    levels_.push_back(std::move(level));
    return {};
  }

  Result<void> leave() {
    levels_.pop_back();
    if (levels_.empty()) return {};
    const Level& above = levels_.back();
    here_ = Descriptor(::openat(here_.get(), "..", kFolderFlags));
    struct stat found;
    if (!here_ || ::fstat(here_.get(), &found) != 0) return tree_error("go up from " + path_);
    // ".." of a moved folder may lead anywhere.
    if (found.st_dev != above.device || found.st_ino != above.inode)
      return fail(codes::kConflict, "the folder " + path_ + " was moved while it was read");
    path_.resize(above.path_bytes);
    return {};
  }

  const Visit& visit_;
  Descriptor here_;
  std::string path_;  // path of here_ below the root, with a slash at its end
  std::vector<Level> levels_;
};

// Moves folders below the root next to each other before it empties them, so that no path has more
// than two names.
class Removal {
 public:
  explicit Removal(int root) : root_(root) {}

  Result<void> run() {
    TRY(empty(root_, true));
    while (!waiting_.empty()) {
      const std::string name = std::move(waiting_.back());
      waiting_.pop_back();
      const Descriptor folder = TRY(open_folder(root_, name));
      if (folder) TRY(empty(folder.get(), false));
      if (::unlinkat(root_, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return tree_error("remove a folder");
    }
    return {};
  }

 private:
  // Without root, a folder that its owner closed must get its permissions back first.
  static Result<Descriptor> open_folder(int parent, const std::string& name) {
    Descriptor folder(::openat(parent, name.c_str(), kFolderFlags));
    if (!folder && errno == EACCES) {
      Descriptor path(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      ::chmod(("/proc/self/fd/" + std::to_string(path.get())).c_str(), S_IRWXU);
      folder = Descriptor(::openat(parent, name.c_str(), kFolderFlags));
    }
    if (!folder && errno != ENOENT) return tree_error("open a folder");
    // Moving a folder and removing its entries require write permission on it.
    if (folder) ::fchmod(folder.get(), S_IRWXU);
    return folder;
  }

  Result<void> empty(int folder, bool is_root) {
    for (const std::string& name : TRY(list_names(folder))) {
      if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM) return tree_error("remove " + name);
      if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) continue;
      if (is_root) {
        waiting_.push_back(name);
        continue;
      }
      TRY(move_up(folder, name));
    }
    return {};
  }

  Result<void> move_up(int folder, const std::string& name) {
    (void)TRY(open_folder(folder, name));
    for (;;) {
      // A name that is free in the root: a name that is taken is skipped.
      const std::string free = ".tidemill-removed-" + std::to_string(next_++);
      if (::renameat2(folder, name.c_str(), root_, free.c_str(), RENAME_NOREPLACE) == 0) {
        waiting_.push_back(free);
        return {};
      }
      if (errno != EEXIST) return tree_error("move " + name);
    }
  }

  int root_;
  std::vector<std::string> waiting_;  // names in the root
  std::uint64_t next_ = 0;
};

}  // namespace

Result<void> walk_tree(const std::string& root,
                       const std::function<Result<void>(const TreeEntry&)>& visit) {
  return Walk(visit).run(root);
}

Result<void> remove_tree(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  Descriptor root(::open(path.c_str(), kFolderFlags));
  if (!root && errno == EACCES && ::chmod(path.c_str(), S_IRWXU) == 0)
    root = Descriptor(::open(path.c_str(), kFolderFlags));
  if (!root) return tree_error("open " + path);
  ::fchmod(root.get(), S_IRWXU);
  TRY(Removal(root.get()).run());
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return tree_error("remove " + path);
  return {};
}

}  // namespace tidemill
