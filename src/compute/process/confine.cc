#include "compute/process/confine.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "compute/process/job_files.h"
#include "compute/process/limits.h"
#include "compute/process/mounts.h"
#include "compute/process/pid_namespace.h"
#include "compute/process/sandbox.h"
#include "compute/process/system_calls.h"

namespace tidemill::compute {

namespace {

// Below the users of jobs (ProcessOptions). This user owns no files; all confined work shares it.
constexpr std::uint32_t kUserId = 199'999;
constexpr std::uint64_t kProcessesMax = 1024;  // of the user, on the whole machine
constexpr std::uint64_t kFileBytesMax = 1 << 20;
constexpr const char* kFolder = "/tmp/model";
constexpr const char* kCoverOptions = "mode=1777,size=16m";

// Isolates the process; returns the folder's path from now on.
Result<std::string> surround(const Confinement& confinement, bool own_processes) {
  if (::geteuid() != 0) return confinement.folder;
  if (Result<void> entered = enter_mount_namespace(); !entered) {
    // The user may not traverse the parent folders; from inside it does not have to.
    if (::chdir(confinement.folder.c_str()) != 0)
      return fail(system_error("change to " + confinement.folder));
    return std::string(".");
  }
  ::unshare(CLONE_NEWIPC);
  ::unshare(CLONE_NEWNET);
  TRY(make_mounts({{confinement.folder, kFolder, true}},
                  {{"/tmp", "", kCoverOptions},
                   {"/var/tmp", "", kCoverOptions},
                   {"/dev/shm", "", kCoverOptions}},
                  ""));
  if (own_processes) show_own_processes();
  make_host_read_only({"/tmp", "/dev/shm"});
  return std::string(kFolder);
}

int work_confined(const Confinement& confinement, bool own_processes,
                  const std::function<int(const std::string&)>& work) {
  const auto refuse = [](const Error& error) {
    std::printf("%s", error.message.c_str());
    std::fflush(stdout);
    return 1;
  };
  const bool root = ::geteuid() == 0;
  Result<std::string> folder = surround(confinement, own_processes);
  if (!folder) return refuse(folder.error());
  limit_process({.file_bytes_max = kFileBytesMax,
                 .processes_max = root ? kProcessesMax : 0,
                 .address_space_bytes_max = confinement.memory_bytes_max,
                 .cpu_seconds_max = confinement.cpu_seconds_max});
  if (root)
    if (Result<void> became = become_user(kUserId); !became) return refuse(became.error());
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (Result<void> forbidden = forbid_system_calls(); !forbidden) return refuse(forbidden.error());
  return work(*folder);
}

}  // namespace

int run_confined(const Confinement& confinement,
                 const std::function<int(const std::string& folder)>& work) {
  PidNamespace space;
  if (::geteuid() == 0)
    if (Result<PidNamespace> made = PidNamespace::make()) space = *std::move(made);
  pid_t child = -1;
  {
    const PidNamespace::Entered inside(space);
    child = ::fork();
  }
  if (child < 0) return 1;
  if (child == 0) ::_exit(work_confined(confinement, bool(space), work));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 1;
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  // Signals must reach the caller that waits for this process.
  limit_process({});
  ::signal(WTERMSIG(status), SIG_DFL);
  ::raise(WTERMSIG(status));
  return 1;
}

}  // namespace tidemill::compute
