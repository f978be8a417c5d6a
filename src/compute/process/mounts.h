// Which folders a job sees and where. Everything here runs in the job's own mount namespace.
#pragma once

#include <string>
#include <vector>

#include "compute/compute.h"

namespace tidemill::compute {

// Put over a folder of the host that all users of the machine write to.
struct Cover {
  std::string destination;  // left out when the host has no such folder
  std::string source;       // a folder of the job's own; "" a tmpfs
  std::string tmpfs_options;
};

// Binds every mount, and puts the covers in their places. A destination that does not exist is made
// inside the namespace only: its nearest existing parent gets a tmpfs that shows everything the
// parent had, bound, plus the new path. `scratch` is an empty folder on the host. Call after
// enter_mount_namespace().
Result<void> make_mounts(const std::vector<Mount>& mounts, const std::vector<Cover>& covers,
                         const std::string& scratch);

}  // namespace tidemill::compute
