// Where work runs. A job is a process tree that outlives the server: it is started once, watched,
// adopted again after a restart, stopped with a grace period, and removed. Back ends: process/ now;
// oci/, slurm/ and kubernetes/ later.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/describe.h"
#include "base/error.h"

namespace tidemill::compute {

struct Mount {
  std::string source;       // absolute path on the host; must exist
  std::string destination;  // absolute path inside the job's mount namespace; made when missing
  bool read_only = false;
};
BOOST_DESCRIBE_STRUCT(Mount, (), (source, destination, read_only))

struct JobSpec {
  std::string id;                    // unique for ever, [A-Za-z0-9._-]{1,128}
  std::vector<std::string> command;  // argv; [0] an absolute path or looked up in PATH
  std::map<std::string, std::string> environment;
  std::string working_directory;  // as seen inside the job
  std::vector<Mount> mounts;
  bool user_code = true;               // runs as an unprivileged user where the machine allows
  std::uint64_t memory_bytes_max = 0;  // 0: no limit
  double cpus_max = 0;                 // 0: no limit
};
BOOST_DESCRIBE_STRUCT(JobSpec, (),
                      (id, command, environment, working_directory, mounts, user_code,
                       memory_bytes_max, cpus_max))

struct JobExit {
  int exit_code = 0;  // of the command; 128 + signal when a signal ended it
  int signal = 0;
  bool out_of_memory = false;   // the memory limit ended it
  bool stop_requested = false;  // stop() came before
  std::string reason;           // not empty when the command could not even start, and why
  Timestamp started, ended;
};
BOOST_DESCRIBE_STRUCT(JobExit, (),
                      (exit_code, signal, out_of_memory, stop_requested, reason, started, ended))

enum class JobState { absent, running, exited };

struct JobStatus {
  JobState state = JobState::absent;
  std::optional<JobExit> exit;
  std::uint64_t memory_bytes = 0;  // resident now, whole tree
  double cpu_seconds = 0;          // used so far, whole tree
};

struct LogLine {
  Timestamp time;
  std::string text;      // without its newline; cut at kLogLineBytesMax
  std::uint64_t offset;  // of the byte after the line in the job's log file
};
inline constexpr std::size_t kLogLineBytesMax = 256 * 1024;

// Called on a back-end thread, for any job, also those of an earlier server that were adopted.
class JobListener {
 public:
  virtual ~JobListener() = default;
  // At least once a job, after its last log line was delivered.
  virtual void job_exited(const std::string& id, const JobExit& exit) = 0;
  // In order; after a restart lines after the last acknowledged offset come again. Return false to
  // get the same lines again later (storage is full, say).
  virtual bool job_logged(const std::string& id, const std::vector<LogLine>& lines) = 0;
};

// What this machine grants; printed at start and kept in Describe outputs where AWS has a place.
struct Isolation {
  bool mount_namespace = false;
  bool unprivileged_user = false;
  bool memory_limit = false;
  bool cpu_limit = false;
  std::string explanation;  // what is missing and why
};
BOOST_DESCRIBE_STRUCT(Isolation, (),
                      (mount_namespace, unprivileged_user, memory_limit, cpu_limit, explanation))

// Thread-safe.
class Compute {
 public:
  virtual ~Compute() = default;
  // Adopts running jobs and reports the exits that happened meanwhile. `listener` outlives this.
  virtual Result<void> start(JobListener& listener) = 0;
  // Stops watching; jobs go on.
  virtual void stop_watching() = 0;
  // Idempotent by id: a job that exists, also an exited one, is not started again.
  virtual Result<void> run(const JobSpec& spec) = 0;
  // SIGTERM to the job's process group, SIGKILL to whatever is left after `grace`. Returns at once;
  // the exit is reported. Also after a restart of the server in between.
  virtual Result<void> stop(const std::string& id, std::chrono::seconds grace) = 0;
  virtual Result<JobStatus> status(const std::string& id) = 0;
  // The whole log text, at most its last `bytes_max` bytes.
  virtual Result<std::string> log_tail(const std::string& id, std::size_t bytes_max) = 0;
  // Forgets an exited job and its files. Idempotent.
  virtual Result<void> remove(const std::string& id) = 0;
  virtual Isolation isolation() const = 0;
};

}  // namespace tidemill::compute
