#include "compute/process/pid_namespace.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "compute/process/job_files.h"

namespace tidemill::compute {

namespace {

constexpr const char* kOwnNamespace = "/proc/self/ns/pid";
constexpr const char* kChildrensNamespace = "/proc/self/ns/pid_for_children";

// The first process: keeps only the pipe open and waits for its end.
[[noreturn]] void wait_for_end(int lifeline) {
  ::setsid();
  ::prctl(PR_SET_NAME, "tidemill-init");
  ::signal(SIGCHLD, SIG_IGN);  // orphans are reaped by the kernel
  ::dup2(lifeline, 0);
  ::syscall(SYS_close_range, 1, ~0U, 0);
  char byte;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

}  // namespace

Result<PidNamespace> PidNamespace::make() {
  Descriptor own(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  int ends[2];
  if (!own || ::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("prepare a pid namespace"));
  Descriptor read_end(ends[0]), write_end(ends[1]);
  if (::unshare(CLONE_NEWPID) != 0) return fail(system_error("make a pid namespace"));
  PidNamespace made;
  const pid_t first = ::fork();
  if (first == 0) wait_for_end(read_end.get());
  if (first > 0) {
    made.first_pid_ = first;
    made.lifeline_ = std::move(write_end);
    made.space_ = Descriptor(::open(kChildrensNamespace, O_RDONLY | O_CLOEXEC));
  }
  const int problem = errno;
  ::setns(own.get(), CLONE_NEWPID);
  errno = problem;
  if (first < 0) return fail(system_error("fork"));
  if (!made.space_) return fail(system_error("open a pid namespace"));
  return made;
}

PidNamespace::Entered::Entered(const PidNamespace& space) {
  if (!space) return;
  own_ = Descriptor(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  ::setns(space.space_.get(), CLONE_NEWPID);
}

PidNamespace::Entered::~Entered() {
  if (own_) ::setns(own_.get(), CLONE_NEWPID);
}

}  // namespace tidemill::compute
