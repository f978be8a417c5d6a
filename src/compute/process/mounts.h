// The folders that a job sees. Everything here runs in the job's own mount namespace.
#pragma once

#include <string>
#include <vector>

#include "compute/process/process_spec.h"

namespace tidemill::compute {

// Covers a folder of the host that all users of the machine can write to.
struct Cover {
  std::string destination;  // skipped when the host lacks the folder
  std::string source;       // a folder of the job; "": a tmpfs
  std::string tmpfs_options;
};

// Binds every mount and mounts the covers. A missing destination is made only inside the
// namespace: its nearest existing parent gets a tmpfs that shows all entries of the parent,
// bound, plus the new path. `scratch` is an empty folder on the host. Call after
// enter_mount_namespace().
Result<void> make_mounts(const std::vector<Mount>& mounts, const std::vector<Cover>& covers,
                         const std::string& scratch);

}  // namespace tidemill::compute
