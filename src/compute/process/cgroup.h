// Limits memory, CPU and processes of a job with control groups, version 1 or 2, whichever the
// machine has mounted and we may write to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill::compute {

// The limits that work here, and why others do not.
struct CgroupSupport {
  bool memory = false;
  bool cpu = false;
  bool processes = false;
  // Parents of the jobs' folders; equal with version 2.
  std::string memory_folder, cpu_folder, processes_folder;
  bool unified = false;  // version 2
  std::string problem;   // "" when all work
};

// 0: no limit.
struct CgroupLimits {
  std::uint64_t memory_bytes_max = 0;
  double cpus_max = 0;
  std::uint64_t processes_max = 0;  // and threads
};

// Makes the parent folders ("tidemill" below the controllers' roots, outside the server's own
// group, so that a service manager that kills the server's group spares the jobs).
CgroupSupport find_cgroup_support();

// One job's groups. Plain values: the shim owns them and removes them at the end; if the shim was
// killed, the server does.
class JobCgroup {
 public:
  // Skips limits that cannot be set: they are granted where the machine allows.
  static JobCgroup make(const CgroupSupport& support, const std::string& name,
                        const CgroupLimits& limits);
  explicit JobCgroup(std::vector<std::string> folders) : folders_(std::move(folders)) {}
  JobCgroup() = default;

  const std::vector<std::string>& folders() const { return folders_; }
  bool limits_processes() const { return limits_processes_; }
  // Moves the calling process in.
  void join() const;
  // Kills every member; false when there were none.
  bool kill_members() const;
  bool out_of_memory() const;
  void remove() const;

 private:
  std::vector<std::string> folders_;
  bool limits_processes_ = false;
};

}  // namespace tidemill::compute
