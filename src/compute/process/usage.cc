#include "compute/process/usage.h"

#include <unistd.h>

#include <sstream>

#include "compute/process/job_files.h"

namespace tidemill::compute {

namespace {

struct ProcessNumbers {
  std::uint64_t own_ticks = 0, reaped_ticks = 0, resident_pages = 0;
};

ProcessNumbers read_numbers(int pid) {
  ProcessNumbers numbers;
  Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return numbers;
  const std::size_t position = text->rfind(')');
  if (position == text->npos) return numbers;
  // proc(5): from field 3 on; 14 utime, 15 stime, 16 cutime, 17 cstime, 24 rss.
  std::istringstream fields(text->substr(position + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::uint64_t user = 0, system = 0, reaped_user = 0, reaped_system = 0;
  fields >> user >> system >> reaped_user >> reaped_system;
  for (int field = 18; field < 24; ++field) fields >> skipped;
  fields >> numbers.resident_pages;
  numbers.own_ticks = user + system;
  numbers.reaped_ticks = reaped_user + reaped_system;
  return numbers;
}

constexpr std::size_t kProcessesMax = 10'000;

}  // namespace

std::vector<int> descendants(int pid) {
  // Without recursion: a job may nest its processes to any depth.
  std::vector<int> found = child_processes(pid);
  for (std::size_t at = 0; at < found.size() && found.size() < kProcessesMax; ++at)
    for (const int child : child_processes(found[at])) found.push_back(child);
  return found;
}

Usage usage_of_children(int pid) {
  Usage usage;
  std::uint64_t ticks = read_numbers(pid).reaped_ticks;
  for (const int child : descendants(pid)) {
    const ProcessNumbers numbers = read_numbers(child);
    usage.memory_bytes += numbers.resident_pages * static_cast<std::uint64_t>(::getpagesize());
    ticks += numbers.own_ticks + numbers.reaped_ticks;
  }
  usage.cpu_seconds = double(ticks) / double(::sysconf(_SC_CLK_TCK));
  return usage;
}

}  // namespace tidemill::compute
