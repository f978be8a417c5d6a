// Limits that the kernel keeps for each process of a job, beside those of its control group.
#pragma once

#include <cstdint>

namespace tidemill::compute {

// 0: none. Number of files that one process of a job may have open.
inline constexpr std::uint64_t kOpenFilesMax = 65'536;

struct ProcessLimits {
  std::uint64_t file_bytes_max = 0;  // of one file
  // Limit for the job's user on this machine, used where no control group counts processes.
  std::uint64_t processes_max = 0;
  std::uint64_t address_space_bytes_max = 0;
  std::uint64_t cpu_seconds_max = 0;
};

// Limits the calling process and all it starts. Core dumps are off.
void limit_process(const ProcessLimits& limits);

}  // namespace tidemill::compute
