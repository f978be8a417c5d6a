// The surroundings of the job's own process: its view of the file system and its user. Everything
// here runs in the shim's child, between fork and exec.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "compute/process/cgroup.h"
#include "compute/process/process_spec.h"

namespace tidemill::compute {

// Enters a new mount namespace: directly as root, else through a user namespace that maps only the
// caller. Tidemill.Io, with the reason, where the machine does not allow it.
Result<void> enter_mount_namespace();

// Gives the sources of the writable mounts to the user, without following symbolic links.
Result<void> give_mounts(const std::vector<Mount>& mounts, std::uint32_t user_id);

// For machines without mount namespaces: lets the user traverse the folders of `base` that lead to
// the mounts' sources. Nobody can list them.
void open_way(const std::vector<Mount>& mounts, const std::filesystem::path& base);

// Mounts a /proc that shows only the user's processes in the caller's own pid namespace.
bool show_own_processes();

// Shows only the job's own groups in /sys/fs/cgroup: libraries that look for limits there find the
// job's, and jobs cannot see each other's names.
void show_own_cgroups(const JobCgroup& cgroup);

// Makes the host read-only except for `writable`, the job's own mounts; no program there has
// another user's rights. Only as root. False where the kernel cannot do it.
bool make_host_read_only(const std::vector<std::string>& writable);

// Gives up root irrevocably.
Result<void> become_user(std::uint32_t user_id);

}  // namespace tidemill::compute
