// What surrounds the job's own process: its view of the file system and its user. Everything here
// runs in the shim's child, between fork and exec.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "compute/compute.h"
#include "compute/process/cgroup.h"

namespace tidemill::compute {

// Enters a mount namespace of its own: as root directly, else through a user namespace that maps
// only the caller. Tidemill.Io, with the reason, where the machine does not allow it.
Result<void> enter_mount_namespace();

// Gives the sources of the writable mounts to the user, without following symbolic links.
Result<void> give_mounts(const std::vector<Mount>& mounts, std::uint32_t user_id);

// For machines without mount namespaces: lets the user pass the folders of `base` that lead to the
// mounts' sources. Nobody can list them.
void open_way(const std::vector<Mount>& mounts, const std::filesystem::path& base);

// A /proc that shows the processes of the caller's own pid namespace, and of those only its user's.
bool show_own_processes();

// In /sys/fs/cgroup the job's own groups in the place of the machine's: libraries that look for
// limits there find the job's, and no job sees the names of others.
void show_own_cgroups(const JobCgroup& cgroup);

// Nothing of the host can be written to but for `writable`, mounts of the job's own; no program
// there has another user's rights. As root only. False where the kernel cannot do it.
bool make_host_read_only(const std::vector<std::string>& writable);

// Gives up root for good.
Result<void> become_user(std::uint32_t user_id);

}  // namespace tidemill::compute
