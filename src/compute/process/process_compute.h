// The process driver: jobs as processes of this machine, each under a shim (shim.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "compute/compute.h"
#include "compute/process/job_doors.h"
#include "compute/process/process_spec.h"

namespace tidemill::compute {

// The programs of a runtime on this machine.
struct Runtime {
  // By name, their absolute paths: one of these names at the front of a command stands for the
  // path.
  std::map<std::string, std::string> programs;
  std::map<std::string, std::string> environment;  // unless the job sets its own; see kPrepended
  std::vector<std::string> folders;                // must be readable in the job, at these paths
};
// A job's own value of this variable is put before the runtime's, instead of replacing it: the
// runtime's own modules stay importable.
inline constexpr const char* kPrependedVariable = "PYTHONPATH";

struct ProcessOptions {
  std::string directory;                  // absolute; has one folder per job
  std::vector<std::string> shim_command;  // {"/proc/self/exe", "shim"}
  // Absolute; the jobs' volumes lie below it. Names begin with one of the owners; empty: any.
  std::string volumes_directory;
  std::vector<std::string> volume_owners = {};
  // If the server runs as root, each job runs as its own user: one of user_id_count ids starting
  // at user_id_first (see user_ids.h). They do not need entries in /etc/passwd.
  std::uint32_t user_id_first = 200'000;
  std::uint32_t user_id_count = 60'000;
  // Finds a runtime by its name; nullptr: there are none.
  std::function<Result<Runtime>(const std::string& name)> runtime = {};
  // Adds the settings of this machine that every job gets before it starts. nullptr: none.
  std::function<void(ProcessSpec&)> complete = {};
  std::uint64_t log_bytes_max = 256u << 20;  // per job; beyond it only the last lines are kept
};

class ProcessDriver : public Driver {
 public:
  // Call before adopt(): sets the doors for isolated jobs with a server_port; must outlive this.
  virtual void serve_through(JobDoors& doors) = 0;
};

Result<std::unique_ptr<ProcessDriver>> make_process_driver(ProcessOptions options, Clock& clock);

}  // namespace tidemill::compute
