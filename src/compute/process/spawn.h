// Starting a shim from the server, which may be big and has many threads: posix_spawn, no fork.
#pragma once

#include <string>
#include <vector>

#include "base/descriptor.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

struct SpawnedShim {
  int pid = 0;
  std::string answer;  // what it said first, without the newline; "" when it ended without a word
};

// Runs `command` with `arguments` in a session of its own, with the lock and answer descriptors
// and, unless it is negative, the one of the job's network, and waits for its first line. The
// caller reaps the pid.
Result<SpawnedShim> spawn_shim(const std::vector<std::string>& command,
                               const std::vector<std::string>& arguments, const Descriptor& lock,
                               int network = -1);

// Opens and locks the job's lock file. Tidemill.Conflict when a living shim holds it.
Result<Descriptor> take_lock(const JobFiles& files);

}  // namespace tidemill::compute
