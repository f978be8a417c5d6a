#include "compute/process/system_calls.h"

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <type_traits>

namespace tidemill::compute {

namespace {

constexpr const char* kForbidden[] = {
    // mounts and roots
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen",
    "fsmount", "fsconfig", "fspick", "mount_setattr", "setns", "quotactl", "quotactl_fd", "swapon",
    "swapoff",
    // other processes: their memory, registers and descriptors
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
    // the kernel's keys, programs and counters
    "add_key", "keyctl", "request_key", "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie",
    "syslog", "fanotify_init",
    // files by inode, regardless of folders' permissions
    "open_by_handle_at",
    // the machine
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
    "create_module", "reboot", "acct", "settimeofday", "clock_settime", "clock_adjtime", "stime",
    "sethostname", "setdomainname", "iopl", "ioperm", "vhangup", "nfsservctl", "_sysctl", "sysfs",
    "uselib", "vm86", "vm86old"};

// Calls that libraries try and can do without.
constexpr const char* kAbsent[] = {"clone3", "io_uring_setup", "io_uring_enter",
                                   "io_uring_register"};

constexpr std::uint64_t kNamespaceFlags[] = {CLONE_NEWNS,    CLONE_NEWUTS, CLONE_NEWIPC,
                                             CLONE_NEWUSER,  CLONE_NEWPID, CLONE_NEWNET,
                                             CLONE_NEWCGROUP};

// Unusable with clone(), whose flags use this bit for the exit signal.
constexpr std::uint64_t kTimeNamespaceFlag = CLONE_NEWTIME;

struct FilterCloser {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, FilterCloser>;

// Skips calls that this architecture or library does not know.
void refuse(const Filter& filter, const char* call, int error) {
  const int number = seccomp_syscall_resolve_name(call);
  if (number != __NR_SCMP_ERROR)
    seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), number, 0);
}

void refuse_flag(const Filter& filter, int call, std::uint64_t flag) {
  seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 1,
                   SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
}

// Allows only sockets of this machine, of IP and of route look-ups. It mainly excludes vsock, which
// ignores network namespaces and reaches the host of a virtual machine.
void refuse_socket_families(const Filter& filter) {
  for (unsigned family = 0; family < AF_NETLINK; ++family)
    if (family != AF_UNSPEC && family != AF_UNIX && family != AF_INET && family != AF_INET6)
      seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                       SCMP_A0(SCMP_CMP_EQ, family));
  seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                   SCMP_A0(SCMP_CMP_GT, AF_NETLINK));
}

}  // namespace

Result<void> forbid_system_calls() {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) return fail(codes::kIo, "a system call filter cannot be made");
  // Calls with another architecture's numbers (32 bits, x32) would pass every rule below.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  constexpr std::uint32_t kBinaryTree = 2;
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree);
  for (const char* call : kForbidden) refuse(filter, call, EPERM);
  for (const char* call : kAbsent) refuse(filter, call, ENOSYS);
  for (const std::uint64_t flag : kNamespaceFlags) {
    refuse_flag(filter, SCMP_SYS(clone), flag);
    refuse_flag(filter, SCMP_SYS(unshare), flag);
  }
  refuse_flag(filter, SCMP_SYS(unshare), kTimeNamespaceFlag);
  // Prevents typing into the terminal from which the server was started.
  seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, TIOCSTI));
  refuse_socket_families(filter);
  if (const int problem = seccomp_load(filter.get()); problem < 0)
    return fail(codes::kIo, std::string("load the system call filter: ") + std::strerror(-problem));
  return {};
}

}  // namespace tidemill::compute
