#include "compute/process/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/descriptor.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

Result<void> bind_mount(const std::string& source, const std::string& destination) {
  // Recursive: a user namespace may not uncover mounts below the source.
  if (::mount(source.c_str(), destination.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return fail(system_error("mount " + source + " on " + destination));
  return {};
}

// An empty file or folder at `path`, to mount `source` on.
Result<void> make_mount_point(const fs::path& path, const std::string& source) {
  struct stat status;
  if (::stat(source.c_str(), &status) != 0) return fail(system_error("mount source " + source));
  if (S_ISDIR(status.st_mode)) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
      return fail(system_error("mkdir " + path.string()));
    return {};
  }
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return fail(system_error("create " + path.string()));
  return {};
}

// Binds every entry of `folder` inside `copy`.
Result<void> mirror(const fs::path& folder, const fs::path& copy) {
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    const fs::path target = copy / entry.path().filename();
    if (entry.is_symlink(problem)) {
      fs::copy_symlink(entry.path(), target, problem);
      continue;
    }
    TRY(make_mount_point(target, entry.path()));
    // One entry that cannot be bound (such as a stale network mount) must not stop the job.
    (void)bind_mount(entry.path(), target);
  }
  if (problem) return fail(codes::kIo, "list " + folder.string() + ": " + problem.message());
  return {};
}

// Puts a tmpfs with the same entries over `folder`, so that it can get new ones.
Result<void> make_extensible(const fs::path& folder, const std::string& scratch) {
  ::mkdir(scratch.c_str(), 0700);
  if (::mount("tidemill", scratch.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
    return fail(system_error("mount a tmpfs"));
  TRY(mirror(folder, scratch));
  if (folder == "/") {
    // Covering a root has no effect on processes already in it, so move there.
    if (::chdir(scratch.c_str()) != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
        ::chroot(".") != 0 || ::chdir("/") != 0)
      return fail(system_error("move the root"));
    return {};
  }
  if (::mount(scratch.c_str(), folder.c_str(), nullptr, MS_MOVE, nullptr) != 0)
    return fail(system_error("move a tmpfs to " + folder.string()));
  return {};
}

Result<void> remount_read_only(const std::string& path) {
  // In a user namespace the mount's existing flags are locked and must be repeated.
  struct statvfs status;
  if (::statvfs(path.c_str(), &status) != 0) return fail(system_error("statvfs " + path));
  unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
  if (status.f_flag & ST_NOSUID) flags |= MS_NOSUID;
  if (status.f_flag & ST_NODEV) flags |= MS_NODEV;
  if (status.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
  if (status.f_flag & ST_NOATIME) flags |= MS_NOATIME;
  if (status.f_flag & ST_RELATIME) flags |= MS_RELATIME;
  if (::mount(nullptr, path.c_str(), nullptr, flags, nullptr) != 0)
    return fail(system_error("make " + path + " read-only"));
  return {};
}

}  // namespace

namespace {

// The topmost folder above `path` that other users may not traverse; empty when there is none.
fs::path closed_ancestor(const fs::path& path) {
  fs::path walked = "/";
  for (const fs::path& part : path.parent_path().relative_path()) {
    walked /= part;
    struct stat status;
    if (::stat(walked.c_str(), &status) != 0) return {};
    if (!(status.st_mode & S_IXOTH)) return walked;
  }
  return {};
}

// Folders on our own tmpfs, where new entries can be made.
using Ours = std::vector<fs::path>;

// Makes the path below `parent`, which is on our tmpfs, and mounts there.
Result<void> make_below(const fs::path& parent, const fs::path& destination,
                        const std::string& source, Ours& ours) {
  fs::path made = parent;
  for (const fs::path& part : destination.parent_path().lexically_relative(parent)) {
    if (part == ".") continue;
    made /= part;
    if (::mkdir(made.c_str(), 0755) != 0 && errno != EEXIST)
      return fail(system_error("mkdir " + made.string()));
    ours.push_back(made);
  }
  return make_mount_point(destination, source);
}

Result<void> make_destination(const fs::path& destination, const std::string& source,
                              const std::string& scratch, Ours& ours) {
  std::error_code ignored;
  if (fs::exists(destination, ignored)) return {};
  fs::path parent = destination.parent_path();
  while (!fs::exists(parent, ignored)) parent = parent.parent_path();
  if (std::find(ours.begin(), ours.end(), parent) == ours.end()) {
    TRY(make_extensible(parent, scratch));
    ours.push_back(parent);
  }
  return make_below(parent, destination, source, ours);
}

Result<void> put_cover(const Cover& cover, int source) {
  if (source >= 0) return bind_mount("/proc/self/fd/" + std::to_string(source), cover.destination);
  if (::mount("tidemill", cover.destination.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
              cover.tmpfs_options.c_str()) != 0)
    return fail(system_error("cover " + cover.destination));
  return {};
}

// A mount with its opened source, which stays reachable when a later mount covers it.
struct OpenedMount {
  const Mount* mount;
  Descriptor source;
  fs::path destination;
  std::string covered;  // the covered folder above the destination; "": none

  std::string path() const { return "/proc/self/fd/" + std::to_string(source.get()); }
};

Result<std::vector<OpenedMount>> open_mounts(const std::vector<Mount>& mounts) {
  std::vector<OpenedMount> opened;
  for (const Mount& mount : mounts) {
    Descriptor source(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
    if (!source) return fail(system_error("mount source " + mount.source));
    opened.push_back(
        {&mount, std::move(source), fs::path(mount.destination).lexically_normal(), ""});
  }
  return opened;
}

// A cover to be mounted. Its source is opened first: it may lie below another cover.
struct OpenedCover {
  Cover cover;
  Descriptor source;  // none: a tmpfs
};

Result<std::vector<OpenedCover>> open_covers(const std::vector<Cover>& covers,
                                             const std::vector<OpenedMount>& mounts) {
  std::vector<OpenedCover> opened;
  for (const Cover& cover : covers) {
    struct stat status;
    if (std::ranges::any_of(mounts, [&](const OpenedMount& mount) {
          return mount.destination == cover.destination;
        }))
      continue;
    if (::lstat(cover.destination.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    Descriptor source;
    if (!cover.source.empty()) {
      source = Descriptor(::open(cover.source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!source) return fail(system_error("open " + cover.source));
    }
    opened.push_back({cover, std::move(source)});
  }
  return opened;
}

// The cover above the destination; nullptr when there is none.
const Cover* cover_above(const std::vector<OpenedCover>& covers, const fs::path& destination) {
  for (const OpenedCover& opened : covers)
    if (destination.string().starts_with(opened.cover.destination + "/")) return &opened.cover;
  return nullptr;
}

Result<void> bind_opened(const OpenedMount& opened) {
  TRY(bind_mount(opened.path(), opened.destination));
  if (opened.mount->read_only) return remount_read_only(opened.destination);
  return {};
}

}  // namespace

Result<void> make_mounts(const std::vector<Mount>& mounts, const std::vector<Cover>& covers,
                         const std::string& scratch) {
  std::vector<OpenedMount> opened = TRY(open_mounts(mounts));
  std::vector<OpenedCover> put = TRY(open_covers(covers, opened));
  const bool root = ::geteuid() == 0;
  Ours ours;
  // Mounts below a cover come last, because the scratch folder may also be below one.
  for (OpenedMount& mount : opened) {
    if (const Cover* above = cover_above(put, mount.destination)) {
      mount.covered = above->destination;
    } else if (root) {
      // For example root's home with the interpreter inside: the job instead sees an open, empty
      // folder that contains only the mounted files.
      mount.covered = closed_ancestor(mount.destination);
      if (!mount.covered.empty()) put.push_back({{mount.covered, "", "mode=0755"}, {}});
    }
    if (!mount.covered.empty()) continue;
    TRY(make_destination(mount.destination, mount.path(), scratch, ours));
    TRY(bind_opened(mount));
  }
  for (const OpenedCover& cover : put) {
    TRY(put_cover(cover.cover, cover.source.get()));
    ours.push_back(cover.cover.destination);
  }
  for (const OpenedMount& mount : opened) {
    if (mount.covered.empty()) continue;
    TRY(make_below(mount.covered, mount.destination, mount.path(), ours));
    TRY(bind_opened(mount));
  }
  return {};
}

}  // namespace tidemill::compute
