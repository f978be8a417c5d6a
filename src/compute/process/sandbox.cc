#include "compute/process/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/descriptor.h"
#include "base/file_tree.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

Result<void> write_map(const char* path, const std::string& text) {
  Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file || !write_all(file.get(), text)) return fail(system_error(path));
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

Result<void> give_mounts(const std::vector<Mount>& mounts, std::uint32_t user_id) {
  for (const Mount& mount : mounts) {
    if (mount.read_only) continue;
    if (::lchown(mount.source.c_str(), user_id, user_id) != 0)
      return fail(system_error("chown " + mount.source));
    struct stat root;
    if (::lstat(mount.source.c_str(), &root) != 0 || !S_ISDIR(root.st_mode)) continue;
    TRY(walk_tree(mount.source, [user_id](const TreeEntry& entry) -> Result<void> {
      if (::fchownat(entry.folder, entry.name, user_id, user_id, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(system_error("chown " + entry.path));
      return {};
    }));
  }
  return {};
}

void open_way(const std::vector<Mount>& mounts, const fs::path& base) {
  constexpr mode_t kPass = S_IXGRP | S_IXOTH;
  for (const Mount& mount : mounts) {
    const fs::path below = fs::path(mount.source).lexically_relative(base);
    if (below.empty() || *below.begin() == "..") continue;
    fs::path folder = base;
    for (const fs::path& part : below) {
      struct stat status;
      if (::stat(folder.c_str(), &status) == 0 && (status.st_mode & kPass) != kPass)
        ::chmod(folder.c_str(), (status.st_mode & 07777) | kPass);
      folder /= part;
    }
  }
}

bool show_own_processes() {
  // Processes of other users stay invisible either way.
  return ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2") == 0;
}

void show_own_cgroups(const JobCgroup& cgroup) {
  constexpr const char* kRoot = "/sys/fs/cgroup";
  std::vector<std::pair<std::string, Descriptor>> own;
  for (const std::string& folder : cgroup.folders()) {
    // "/sys/fs/cgroup/memory/tidemill/<job>": the controller's folder; none with version 2.
    const fs::path below = fs::path(folder).lexically_relative(kRoot);
    if (below.empty() || *below.begin() == "..") return;
    const std::string controller = *below.begin();
    own.emplace_back(controller == "tidemill" ? "" : controller,
                     Descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
  }
  if (::mount("tidemill", kRoot, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k"))
    return;
  for (const auto& [controller, folder] : own) {
    const std::string place = std::string(kRoot) + "/" + controller;
    ::mkdir(place.c_str(), 0755);
    ::mount(("/proc/self/fd/" + std::to_string(folder.get())).c_str(), place.c_str(), nullptr,
            MS_BIND, nullptr);
  }
}

bool make_host_read_only(const std::vector<std::string>& writable) {
  mount_attr closed{};
  closed.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  if (::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &closed, sizeof closed) != 0) return false;
  mount_attr open{};
  open.attr_clr = MOUNT_ATTR_RDONLY;
  for (const std::string& path : writable)
    ::mount_setattr(AT_FDCWD, path.c_str(), 0, &open, sizeof open);
  return true;
}

Result<void> become_user(std::uint32_t user_id) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user_id, user_id, user_id) != 0 ||
      ::setresuid(user_id, user_id, user_id) != 0)
    return fail(system_error("become user " + std::to_string(user_id)));
  return {};
}

}  // namespace tidemill::compute
