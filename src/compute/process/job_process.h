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
  std::string problem;  // not empty: it could not start, and why; the process is already reaped
};

// Returns when the command runs or failed to. `socket`: what the job inherits as
// kJobSocketDescriptor; negative: nothing.
JobProcess start_job_process(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup,
                             int socket = -1);

// Where `command` is, searched in `path` when it has no slash; "" when nowhere.
std::string find_executable(const std::string& command, const std::string& path);

inline constexpr const char* kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace tidemill::compute
