// Places where a crash matters: before and after each commit. The crash tests set
// TIDEMILL_CRASH_AT=N, and the process kills itself (SIGKILL) at the Nth place it passes; without
// the variable a place costs one load.
#pragma once

#include <atomic>

namespace tidemill {

namespace detail {
extern std::atomic<bool> crash_points_armed;
void pass_crash_point();
}  // namespace detail

// Thread-safe.
inline void crash_point() {
  if (detail::crash_points_armed.load(std::memory_order_relaxed)) [[unlikely]]
    detail::pass_crash_point();
}

// Reads the variable; call once, before any thread starts.
void arm_crash_points();

}  // namespace tidemill
