#include "compute/process/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <sstream>

#include "base/descriptor.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

namespace {

constexpr const char* kParentName = "/tidemill";
constexpr std::int64_t kCpuPeriodMicroseconds = 100'000;

bool write_control(const std::string& path, const std::string& text) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write_all(file.get(), text);
}

bool make_folder(const std::string& path) {
  return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

struct CgroupMounts {
  std::string memory, cpu, processes, unified;
};

CgroupMounts find_mounts() {
  CgroupMounts mounts;
  Result<std::string> text = read_file("/proc/self/mounts");
  if (!text) return mounts;
  std::istringstream lines(*text);
  std::string source, target, type, options, rest;
  while (lines >> source >> target >> type >> options && std::getline(lines, rest)) {
    const std::string wrapped = "," + options + ",";
    if (type == "cgroup" && wrapped.find(",memory,") != wrapped.npos) mounts.memory = target;
    if (type == "cgroup" && wrapped.find(",cpu,") != wrapped.npos) mounts.cpu = target;
    if (type == "cgroup" && wrapped.find(",pids,") != wrapped.npos) mounts.processes = target;
    if (type == "cgroup2") mounts.unified = target;
  }
  return mounts;
}

void find_unified(const std::string& root, CgroupSupport& support) {
  const std::string parent = root + kParentName;
  if (!make_folder(parent)) return;
  // Controllers are enabled level by level; a container's root group often refuses.
  for (const std::string& folder : {root, parent})
    for (const char* controller : {"+memory", "+cpu", "+pids"})
      write_control(folder + "/cgroup.subtree_control", controller);
  Result<std::string> granted = read_file(parent + "/cgroup.subtree_control");
  if (!granted) return;
  support.unified = true;
  if (granted->find("memory") != granted->npos) {
    support.memory = true;
    support.memory_folder = parent;
  }
  std::istringstream words(*granted);
  for (std::string word; words >> word;)
    if (word == "cpu") {
      support.cpu = true;
      support.cpu_folder = parent;
    } else if (word == "pids") {
      support.processes = true;
      support.processes_folder = parent;
    }
}

std::string describe_problem(const CgroupSupport& support, bool any_mounted) {
  std::string missing;
  const auto miss = [&missing](bool granted, const char* what) {
    if (!granted) missing += (missing.empty() ? "no limit of " : ", ") + std::string(what);
  };
  miss(support.memory, "memory");
  miss(support.cpu, "CPU");
  miss(support.processes, "processes");
  if (missing.empty()) return "";
  return missing + (any_mounted
                        ? ": the control groups cannot be written (not root, or a container "
                          "without delegated groups)"
                        : ": no control groups are mounted");
}

}  // namespace

CgroupSupport find_cgroup_support() {
  CgroupSupport support;
  const CgroupMounts mounts = find_mounts();
  if (!mounts.memory.empty() && make_folder(mounts.memory + kParentName)) {
    support.memory = true;
    support.memory_folder = mounts.memory + kParentName;
  }
  if (!mounts.cpu.empty() && make_folder(mounts.cpu + kParentName)) {
    support.cpu = true;
    support.cpu_folder = mounts.cpu + kParentName;
  }
  if (!mounts.processes.empty() && make_folder(mounts.processes + kParentName)) {
    support.processes = true;
    support.processes_folder = mounts.processes + kParentName;
  }
  if (!support.memory && !support.cpu && !support.processes && !mounts.unified.empty())
    find_unified(mounts.unified, support);
  support.problem = describe_problem(support, !mounts.memory.empty() || !mounts.unified.empty());
  return support;
}

JobCgroup JobCgroup::make(const CgroupSupport& support, const std::string& name,
                          const CgroupLimits& limits) {
  JobCgroup group;
  const auto add = [&](const std::string& parent) {
    const std::string folder = parent + "/" + name;
    if (!make_folder(folder)) return std::string();
    if (group.folders_.empty() || group.folders_.back() != folder) group.folders_.push_back(folder);
    return folder;
  };
  const std::string memory = support.memory ? add(support.memory_folder) : "";
  if (!memory.empty() && limits.memory_bytes_max > 0) {
    const std::string limit = std::to_string(limits.memory_bytes_max);
    write_control(memory + (support.unified ? "/memory.max" : "/memory.limit_in_bytes"), limit);
    // Swap is limited as well, or jobs would swap instead. Fails harmlessly where there is no swap.
    if (support.unified)
      write_control(memory + "/memory.swap.max", "0");
    else
      write_control(memory + "/memory.memsw.limit_in_bytes", limit);
  }
  const std::string cpu = support.cpu ? add(support.cpu_folder) : "";
  if (!cpu.empty() && limits.cpus_max > 0) {
    const auto quota = std::llround(limits.cpus_max * double(kCpuPeriodMicroseconds));
    const std::string period = std::to_string(kCpuPeriodMicroseconds);
    if (support.unified) {
      write_control(cpu + "/cpu.max", std::to_string(quota) + " " + period);
    } else {
      write_control(cpu + "/cpu.cfs_period_us", period);
      write_control(cpu + "/cpu.cfs_quota_us", std::to_string(quota));
    }
  }
  const std::string processes = support.processes ? add(support.processes_folder) : "";
  if (!processes.empty() && limits.processes_max > 0)
    group.limits_processes_ =
        write_control(processes + "/pids.max", std::to_string(limits.processes_max));
  return group;
}

void JobCgroup::join() const {
  for (const std::string& folder : folders_) write_control(folder + "/cgroup.procs", "0");
}

bool JobCgroup::kill_members() const {
  bool any = false;
  for (const std::string& folder : folders_) {
    Result<std::string> members = read_file(folder + "/cgroup.procs");
    if (!members) continue;
    std::istringstream pids(*members);
    for (int pid = 0; pids >> pid;) any = ::kill(pid, SIGKILL) == 0 || any;
  }
  return any;
}

bool JobCgroup::out_of_memory() const {
  for (const std::string& folder : folders_)
    for (const char* file : {"/memory.events", "/memory.oom_control"}) {
      Result<std::string> text = read_file(folder + file);
      if (!text) continue;
      std::istringstream words(*text);
      std::string name;
      for (std::uint64_t value = 0; words >> name >> value;)
        if (name == "oom_kill" && value > 0) return true;
    }
  return false;
}

void JobCgroup::remove() const {
  for (const std::string& folder : folders_) ::rmdir(folder.c_str());
}

}  // namespace tidemill::compute
