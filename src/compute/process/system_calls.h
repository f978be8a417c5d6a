// A seccomp filter: the system calls that user code may not use.
#pragma once

#include "base/error.h"

namespace tidemill::compute {

// Refuses system calls to the calling process and its descendants, irrevocably: new namespaces and
// mounts, access to other processes, keys, kernel modules, and others that computing does not need.
// Refused calls fail with EPERM; clone3 and io_uring with ENOSYS, so that libraries fall back. Sets
// "no new privileges".
Result<void> forbid_system_calls();

}  // namespace tidemill::compute
