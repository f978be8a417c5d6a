// The process back end: jobs as processes of this machine, each under a shim (shim.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "compute/compute.h"

namespace tidemill::compute {

struct ProcessOptions {
  std::string directory;                  // absolute; one folder a job is made below it
  std::vector<std::string> shim_command;  // {"/proc/self/exe", "shim"}
  // As root each job runs as a user of its own, out of user_id_count from user_id_first on (see
  // user_ids.h). They need no entry in /etc/passwd.
  std::uint32_t user_id_first = 200'000;
  std::uint32_t user_id_count = 60'000;
  // Adds to a job, before it starts, what every job is told. nullptr: nothing.
  std::function<void(JobSpec&)> complete;
  std::uint64_t log_bytes_max = 256u << 20;  // a job; past it only the last lines are kept
};

Result<std::unique_ptr<Compute>> make_process_compute(ProcessOptions options, Clock& clock);

}  // namespace tidemill::compute
