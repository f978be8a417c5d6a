// Sets how long a thread may keep a processor while others wait for it.
#pragma once

namespace tidemill::runtime {

// The calling thread asks for slices of 0.1 ms, the shortest: when it wakes, the kernel runs it
// ahead of threads that have begun longer ones (those that write, upload, train) instead of after
// milliseconds, and it gets no more of the processor than before. For threads that answer.
// Linux 6.12 on (sched_setattr(2): sched_runtime of SCHED_OTHER); older kernels take no notice.
void prefer_short_slices();

}  // namespace tidemill::runtime
