// Memory and CPU limits of one job through control groups, version 1 or 2, whichever the machine
// has mounted and lets us write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemill::compute {

// What can be limited here, and why not.
struct CgroupSupport {
  bool memory = false;
  bool cpu = false;
  std::string memory_folder, cpu_folder;  // parents of the jobs' folders; equal with version 2
  bool unified = false;                   // version 2
  std::string problem;                    // "" when both work
};
// Makes the parent folders ("tidemill" below the controllers' roots: outside the server's own
// group, so that a service manager that ends the server's group spares the jobs).
CgroupSupport find_cgroup_support();

// One job's groups. Plain values: the shim owns them and removes them at the end; the server does
// it in its stead when the shim was killed.
class JobCgroup {
 public:
  // A limit of 0 is none. What fails is left out: limits are granted where the machine allows.
  static JobCgroup make(const CgroupSupport& support, const std::string& name,
                        std::uint64_t memory_bytes_max, double cpus_max);
  explicit JobCgroup(std::vector<std::string> folders) : folders_(std::move(folders)) {}
  JobCgroup() = default;

  const std::vector<std::string>& folders() const { return folders_; }
  // Moves the calling process in.
  void join() const;
  // Kills every member; false when there was none.
  bool kill_members() const;
  bool out_of_memory() const;
  void remove() const;

 private:
  std::vector<std::string> folders_;
};

}  // namespace tidemill::compute
