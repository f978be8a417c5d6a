// The job's own process: forked by the shim, surrounded (sandbox.h), and replaced by the command.
#pragma once

#include "base/descriptor.h"
#include "compute/process/cgroup.h"
#include "compute/process/job_files.h"
#include "compute/process/pid_namespace.h"

namespace tidemill::compute {

struct JobProcess {
  int pid = 0;
  PidNamespace space;   // its processes, where the machine allows one
  Descriptor output;    // read end of its standard output and error, non-blocking
  std::string problem;  // if not empty, why it could not start; the process is already reaped
};

// Returns once the command runs or has failed to start. `socket`: passed to the job as
// kJobSocketDescriptor; negative: none.
JobProcess start_job_process(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup,
                             int socket = -1);

// The path of `command`, searched in `path` if it has no slash; "" when not found.
std::string find_executable(const std::string& command, const std::string& path);

inline constexpr const char* kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace tidemill::compute
