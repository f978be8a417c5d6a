#include "compute/process/probe.h"

#include <sys/wait.h>
#include <unistd.h>

#include "compute/job.h"
#include "compute/process/cgroup.h"
#include "compute/process/pid_namespace.h"
#include "compute/process/sandbox.h"
#include "compute/process/system_calls.h"
#include "runtime/network_namespace.h"

namespace tidemill::compute {

namespace {

// Tries something in a child process like a job's; the result is its exit code.
template <class Try>
bool works_in_child(Try&& attempt) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(attempt() ? 0 : 1);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

bool can_have_own_processes() {
  Result<PidNamespace> space = PidNamespace::make();
  if (!space) return false;
  const PidNamespace::Entered inside(*space);
  return works_in_child([] { return enter_mount_namespace() && show_own_processes(); });
}

}  // namespace

int probe(const std::function<void(std::string)>& answer) {
  Isolation isolation;
  std::string missing;
  const auto miss = [&missing](const std::string& what) {
    missing += (missing.empty() ? "" : "; ") + what;
  };
  const bool root = ::geteuid() == 0;
  isolation.unprivileged_user = root;
  if (!root) miss("jobs run as the server's own user (only root can change it)");
  isolation.own_processes = root && can_have_own_processes();
  if (!isolation.own_processes) miss("jobs see the machine's processes");
  isolation.system_call_filter = works_in_child([] { return forbid_system_calls().has_value(); });
  if (!isolation.system_call_filter) miss("no system calls are filtered");
  isolation.read_only_host =
      root && works_in_child([] { return enter_mount_namespace() && make_host_read_only({}); });
  if (!isolation.read_only_host) miss("jobs can write where all users of the machine can");
  // Before the mounts: without root they need a user namespace, from which this process could not
  // return to its network.
  const auto network = runtime::NetworkNamespace::make();
  isolation.network_namespace = network.has_value();
  if (!network)
    miss("jobs share the host's network and reach each other's ports (" + network.error().message +
         ")");
  Result<void> entered = enter_mount_namespace();
  isolation.mount_namespace = entered.has_value();
  isolation.own_temporaries = isolation.mount_namespace;
  if (!entered)
    miss("jobs share the host's file system, /tmp and /dev/shm (" + entered.error().message + ")");
  const CgroupSupport support = find_cgroup_support();
  isolation.memory_limit = support.memory;
  isolation.cpu_limit = support.cpu;
  isolation.process_limit = support.processes || root;  // per user, without control groups
  if (!support.problem.empty()) miss(support.problem);
  isolation.explanation = missing;
  answer(to_json(isolation));
  return 0;
}

}  // namespace tidemill::compute
