// Resource use of a process tree, from /proc; works without control groups.
#pragma once

#include <cstdint>
#include <vector>

namespace tidemill::compute {

struct Usage {
  std::uint64_t memory_bytes = 0;  // resident
  double cpu_seconds = 0;
};

// Usage of all descendants of `pid`, not itself; CPU time includes those already reaped.
Usage usage_of_children(int pid);

// Descendants of `pid`, not itself; at most 10,000.
std::vector<int> descendants(int pid);

}  // namespace tidemill::compute
