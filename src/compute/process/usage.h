// What a process tree uses, by /proc; needs no control groups.
#pragma once

#include <cstdint>
#include <vector>

namespace tidemill::compute {

struct Usage {
  std::uint64_t memory_bytes = 0;  // resident
  double cpu_seconds = 0;
};

// Of all descendants of `pid`, without itself; CPU time includes those already reaped.
Usage usage_of_children(int pid);

// Of `pid`, without itself; at most 10,000.
std::vector<int> descendants(int pid);

}  // namespace tidemill::compute
