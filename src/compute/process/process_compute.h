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
  std::string directory;                  // absolute; has one folder per job
  std::vector<std::string> shim_command;  // {"/proc/self/exe", "shim"}
  // If the server runs as root, each job runs as its own user: one of user_id_count ids starting
  // at user_id_first (see user_ids.h). They do not need entries in /etc/passwd.
  std::uint32_t user_id_first = 200'000;
  std::uint32_t user_id_count = 60'000;
  // Adds the settings that every job gets before it starts. nullptr: none.
  std::function<void(JobSpec&)> complete;
  std::uint64_t log_bytes_max = 256u << 20;  // per job; beyond it only the last lines are kept
};

Result<std::unique_ptr<Compute>> make_process_compute(ProcessOptions options, Clock& clock);

}  // namespace tidemill::compute
