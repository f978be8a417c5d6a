// A job as the process driver runs it: a JobSpec with everything of this machine filled in. The
// shim reads it from the job's folder, so its fields are also those of data folders of the past.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/describe.h"
#include "compute/job.h"

namespace tidemill::compute {

struct Mount {
  std::string source;       // absolute path on the host; must exist
  std::string destination;  // absolute path inside the job's mount namespace; made when missing
  bool read_only = false;
};
TIDEMILL_RECORD(Mount, (), (source, destination, read_only))

struct ProcessSpec {
  std::string id;
  std::vector<std::string> command;  // argv; [0] an absolute path or looked up in PATH
  std::map<std::string, std::string> environment;
  std::string working_directory;  // as seen inside the job
  std::vector<Mount> mounts;
  bool user_code = true;
  std::uint64_t memory_bytes_max = 0;              // 0: no limit
  double cpus_max = 0;                             // 0: no limit
  std::uint64_t processes_max = kJobProcessesMax;  // and threads; 0: no limit
  // Limit for files in the writable mounts and the job's /tmp and /var/tmp; 0: no limit.
  std::uint64_t volume_bytes_max = 0;
  JobNetwork network = JobNetwork::host;
  std::uint16_t server_port = 0;
  bool bound_socket = false;
};
TIDEMILL_RECORD(ProcessSpec, (),
                (id, command, environment, working_directory, mounts, user_code, memory_bytes_max,
                 cpus_max, processes_max, volume_bytes_max, network, server_port, bound_socket))

}  // namespace tidemill::compute
