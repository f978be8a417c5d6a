// The files of a job's folder. Server and shim share nothing but these files, so either may die at
// any moment and the other still knows what happened.
//
//   spec.json     the ProcessSpec, and what the server decided (user, log limit); mode 0600
//   lock          flock'ed by the shim from before it exists until it ends: is it alive?
//   shim.json     ShimState, the first thing a shim writes
//   control       FIFO: "stop <seconds>\n"
//   log           one record a line: "<microseconds since 1970> <text>\n"
//   acknowledged  offset into log up to which the listener took the lines
//   socket        bound by the shim, inherited by the job (JobSpec::bound_socket)
//   tmp, var_tmp  the job's /tmp and /var/tmp, removed when it has ended
//   exit.json     JobExit, renamed into place after an fsync: the job is over
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compute/process/process_spec.h"

namespace tidemill::compute {

// Instructions for the shim.
struct ShimSpec {
  ProcessSpec job;
  std::uint32_t user_id = 0;  // 0: do not change the user
  std::uint64_t log_bytes_max = 0;
};
TIDEMILL_RECORD(ShimSpec, (), (job, user_id, log_bytes_max))

// The shim's report on itself. A pid with its start time identifies a process forever.
struct ShimState {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  int job_pid = 0;  // also its process group
  std::uint64_t job_start_ticks = 0;
  std::vector<std::string> cgroups;  // folders made for this job
};
TIDEMILL_RECORD(ShimState, (), (pid, start_ticks, job_pid, job_start_ticks, cgroups))

class JobFiles {
 public:
  explicit JobFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::string spec() const { return directory_ / "spec.json"; }
  std::string lock() const { return directory_ / "lock"; }
  std::string shim() const { return directory_ / "shim.json"; }
  std::string control() const { return directory_ / "control"; }
  std::string log() const { return directory_ / "log"; }
  std::string acknowledged() const { return directory_ / "acknowledged"; }
  std::string socket() const { return directory_ / "socket"; }
  std::string exit() const { return directory_ / "exit.json"; }
  std::string scratch() const { return directory_ / "scratch"; }
  std::string tmp() const { return directory_ / "tmp"; }
  std::string var_tmp() const { return directory_ / "var_tmp"; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

// "open /a/b: Permission denied", from errno, under Tidemill.Io, NotFound or StorageFull.
Error system_error(std::string what);

// The whole file. Tidemill.NotFound when it does not exist.
Result<std::string> read_file(const std::string& path);
// Writes a temporary file, syncs, renames, and syncs the folder: the file is whole or absent.
Result<void> write_file_durably(const std::string& path, std::string_view text);

template <class T>
Result<T> read_record(const std::string& path) {
  std::string text = TRY(read_file(path));
  return from_json<T>(text);
}

// nullopt while the job is not over.
Result<std::optional<JobExit>> read_exit(const JobFiles& files);

// One line of the log file without its newline; `offset` is left at 0.
LogLine parse_log_record(std::string_view record);
// Parses lines from `bytes`, which begin at `offset` in the log file; a last record without its
// newline is left for later. Each byte that is not UTF-8 becomes U+FFFD.
std::vector<LogLine> parse_log(std::string_view bytes, std::uint64_t offset);

// Start time of a process in clock ticks since boot; 0 when there is no such process.
std::uint64_t process_start_ticks(int pid);
// Children of the process, from /proc.
std::vector<int> child_processes(int pid);

}  // namespace tidemill::compute
