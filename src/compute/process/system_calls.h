// What user code may not ask of the kernel, as a seccomp filter.
#pragma once

#include "base/error.h"

namespace tidemill::compute {

// Refuses to the calling process and whatever it starts, for good: new namespaces and mounts,
// looking into other processes, keys, kernel modules, and other calls that computing does not need.
// Refused calls fail with EPERM; clone3 and io_uring with ENOSYS, so that libraries fall back.
// Sets "no new privileges".
Result<void> forbid_system_calls();

}  // namespace tidemill::compute
