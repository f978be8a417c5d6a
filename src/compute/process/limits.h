// Kernel limits of each process of a job, in addition to those of its control group.
#pragma once

#include <cstdint>

namespace tidemill::compute {

// 0: none. Number of files that one process of a job may have open.
inline constexpr std::uint64_t kOpenFilesMax = 65'536;

struct ProcessLimits {
  std::uint64_t file_bytes_max = 0;  // of one file
  // Limit for all processes of the job's user, used if no control group counts processes.
  std::uint64_t processes_max = 0;
  std::uint64_t address_space_bytes_max = 0;
  std::uint64_t cpu_seconds_max = 0;
};

// Limits the calling process and all its descendants. Disables core dumps.
void limit_process(const ProcessLimits& limits);

}  // namespace tidemill::compute
