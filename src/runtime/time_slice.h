// Sets how long a thread may keep a processor while others wait for it.
#pragma once

namespace tidemill::runtime {

// Requests time slices of 0.1 ms, the shortest, for the calling thread: when it wakes, the kernel
// runs it at once instead of milliseconds later, ahead of threads in longer slices (those that
// write, upload, train). Its share of the processor stays the same. For threads that answer. Linux
// 6.12 or later (sched_setattr(2): sched_runtime of SCHED_OTHER); older kernels ignore it.
void prefer_short_slices();

}  // namespace tidemill::runtime
