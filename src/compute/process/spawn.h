// Starts a shim with posix_spawn: the server may be big and has many threads, so no fork.
#pragma once

#include <string>
#include <vector>

#include "base/descriptor.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

struct SpawnedShim {
  int pid = 0;
  std::string answer;  // its first line, without the newline; "" when it ended silently
};

// Runs `command` with `arguments` in a new session, with the lock and answer descriptors and
// (unless it is negative) the one of the job's network, and waits for its first line. The caller
// must reap the pid.
Result<SpawnedShim> spawn_shim(const std::vector<std::string>& command,
                               const std::vector<std::string>& arguments, const Descriptor& lock,
                               int network = -1);

// Opens and locks the job's lock file. Tidemill.Conflict when a living shim holds it.
Result<Descriptor> take_lock(const JobFiles& files);

}  // namespace tidemill::compute
