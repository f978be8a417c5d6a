#include "compute/process/limits.h"

#include <sys/resource.h>

#include <algorithm>

namespace tidemill::compute {

namespace {

// Never above the server's own limit: without root that would be refused.
void limit(__rlimit_resource what, std::uint64_t value) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return;
  rlimit wanted{};
  wanted.rlim_max = std::min<rlim_t>(now.rlim_max, value);
  wanted.rlim_cur = wanted.rlim_max;
  ::setrlimit(what, &wanted);
}

}  // namespace

void limit_process(const ProcessLimits& limits) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, kOpenFilesMax);
  if (limits.file_bytes_max > 0) limit(RLIMIT_FSIZE, limits.file_bytes_max);
  if (limits.processes_max > 0) limit(RLIMIT_NPROC, limits.processes_max);
  if (limits.address_space_bytes_max > 0) limit(RLIMIT_AS, limits.address_space_bytes_max);
  if (limits.cpu_seconds_max > 0) limit(RLIMIT_CPU, limits.cpu_seconds_max);
}

}  // namespace tidemill::compute
