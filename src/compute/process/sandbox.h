// What surrounds the job's own process: its view of the file system and its user. Everything here
// runs in the shim's child, between fork and exec.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compute/compute.h"

namespace tidemill::compute {

// Enters a mount namespace of its own: as root directly, else through a user namespace that maps
// only the caller. Tidemill.Io, with the reason, where the machine does not allow it.
Result<void> enter_mount_namespace();

// Binds every mount. A destination that does not exist is made inside the namespace only: its
// nearest existing parent gets a tmpfs that shows everything the parent had, bound, plus the new
// path. `scratch` is an empty folder on the host. Call after enter_mount_namespace().
Result<void> make_mounts(const std::vector<Mount>& mounts, const std::string& scratch);

// Gives the sources of the writable mounts to the user, without following symbolic links.
Result<void> give_mounts(const std::vector<Mount>& mounts, std::uint32_t user_id);

// Gives up root for good.
Result<void> become_user(std::uint32_t user_id);

}  // namespace tidemill::compute
