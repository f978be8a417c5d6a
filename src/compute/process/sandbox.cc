#include "compute/process/sandbox.h"

#include <fcntl.h>
#include <fts.h>
#include <grp.h>
#include <sched.h>
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

Result<void> write_map(const char* path, const std::string& text) {
  Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file || !write_all(file.get(), text)) return fail(system_error(path));
  return {};
}

Result<void> bind_mount(const std::string& source, const std::string& destination) {
  // Recursive: a user namespace may not uncover what is mounted below the source.
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

// Shows everything of `folder` again inside `copy`.
Result<void> mirror(const fs::path& folder, const fs::path& copy) {
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    const fs::path target = copy / entry.path().filename();
    if (entry.is_symlink(problem)) {
      fs::copy_symlink(entry.path(), target, problem);
      continue;
    }
    TRY(make_mount_point(target, entry.path()));
    // A single entry that cannot be bound (a stale network mount, say) must not stop the job.
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
    // A root cannot be covered for those who already stand on it; move there.
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
  // Flags the mount already has are locked in a user namespace and must be named again.
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

Result<void> enter_mount_namespace() {
  if (::geteuid() == 0) {
    if (::unshare(CLONE_NEWNS) != 0) return fail(system_error("make a mount namespace"));
  } else {
    const std::string user = std::to_string(::geteuid());
    const std::string group = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      return fail(system_error("make a user namespace"));
    TRY(write_map("/proc/self/setgroups", "deny"));
    TRY(write_map("/proc/self/uid_map", user + " " + user + " 1"));
    TRY(write_map("/proc/self/gid_map", group + " " + group + " 1"));
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail(system_error("make the mounts private"));
  return {};
}

namespace {

// The topmost folder above `path` that others may not pass; empty when there is none.
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

// Folders on a tmpfs of ours, where anything can be made.
using Ours = std::vector<fs::path>;

// Makes the path below `parent`, which is one of ours, and mounts there.
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

}  // namespace

Result<void> make_mounts(const std::vector<Mount>& mounts, const std::string& scratch) {
  struct Opened {
    const Mount* mount;
    Descriptor source;
    fs::path destination, closed;
  };
  std::vector<Opened> all, covered;
  for (const Mount& mount : mounts) {
    // Opened first: what a later mount covers stays reachable through the descriptor.
    Descriptor source(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
    if (!source) return fail(system_error("mount source " + mount.source));
    const fs::path destination = fs::path(mount.destination).lexically_normal();
    const fs::path closed = ::geteuid() == 0 ? closed_ancestor(destination) : fs::path();
    (closed.empty() ? all : covered).push_back({&mount, std::move(source), destination, closed});
  }
  // Covers come last, for the scratch folder may lie below one.
  std::move(covered.begin(), covered.end(), std::back_inserter(all));
  Ours ours;
  for (const Opened& opened : all) {
    const std::string source = "/proc/self/fd/" + std::to_string(opened.source.get());
    if (opened.closed.empty()) {
      TRY(make_destination(opened.destination, source, scratch, ours));
    } else {
      // Root's home, say, with the interpreter inside: the job sees an open, empty folder in its
      // place that holds just what is mounted.
      if (std::find(ours.begin(), ours.end(), opened.closed) == ours.end()) {
        if (::mount("tidemill", opened.closed.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                    "mode=0755") != 0)
          return fail(system_error("cover " + opened.closed.string()));
        ours.push_back(opened.closed);
      }
      TRY(make_below(opened.closed, opened.destination, source, ours));
    }
    TRY(bind_mount(source, opened.destination));
    if (opened.mount->read_only) TRY(remount_read_only(opened.destination));
  }
  return {};
}

Result<void> give_mounts(const std::vector<Mount>& mounts, std::uint32_t user_id) {
  for (const Mount& mount : mounts) {
    if (mount.read_only) continue;
    std::string root = mount.source;
    char* roots[] = {root.data(), nullptr};
    FTS* walk = ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, nullptr);
    if (!walk) return fail(system_error("walk " + mount.source));
    while (FTSENT* entry = ::fts_read(walk)) {
      if (entry->fts_info == FTS_DP) continue;
      if (::lchown(entry->fts_accpath, user_id, user_id) != 0) {
        Error error = system_error("chown " + std::string(entry->fts_path));
        ::fts_close(walk);
        return fail(std::move(error));
      }
    }
    ::fts_close(walk);
  }
  return {};
}

Result<void> become_user(std::uint32_t user_id) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user_id, user_id, user_id) != 0 ||
      ::setresuid(user_id, user_id, user_id) != 0)
    return fail(system_error("become user " + std::to_string(user_id)));
  return {};
}

}  // namespace tidemill::compute
