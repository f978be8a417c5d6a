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
#include "base/descriptor.h"
#include "base/error.h"
#include "runtime/network_namespace.h"

namespace tidemill::compute {

// The network that a job can reach.
enum class JobNetwork : std::uint8_t {
  host,      // the machine's network, including loopback ports of other jobs and services
  isolated,  // its own network: a loopback interface with the server's door
};
BOOST_DESCRIBE_ENUM(JobNetwork, host, isolated)

struct Mount {
  std::string source;       // absolute path on the host; must exist
  std::string destination;  // absolute path inside the job's mount namespace; made when missing
  bool read_only = false;
};
TIDEMILL_RECORD(Mount, (), (source, destination, read_only))

// Far more than training with many workers needs, far less than a machine can run.
inline constexpr std::uint64_t kJobProcessesMax = 1024;

struct JobSpec {
  std::string id;                    // never reused, [A-Za-z0-9._-]{1,128}
  std::vector<std::string> command;  // argv; [0] an absolute path or looked up in PATH
  std::map<std::string, std::string> environment;
  std::string working_directory;  // as seen inside the job
  std::vector<Mount> mounts;
  bool user_code = true;               // run as an unprivileged user if the machine allows it
  std::uint64_t memory_bytes_max = 0;  // 0: no limit
  double cpus_max = 0;                 // 0: no limit
  std::uint64_t processes_max = kJobProcessesMax;  // and threads; 0: no limit
  // Limit for files in the writable mounts and the job's /tmp and /var/tmp; 0: no limit.
  std::uint64_t volume_bytes_max = 0;
  // run() refuses an isolated job if this machine cannot isolate it (see Isolation).
  JobNetwork network = JobNetwork::host;
  // For isolated jobs: the server listens on this port of the job's loopback; 0: not at all.
  std::uint16_t server_port = 0;
  // Passes a unix socket, bound but not listening, as kJobSocketDescriptor: socket_path().
  bool bound_socket = false;
};
TIDEMILL_RECORD(JobSpec, (),
                (id, command, environment, working_directory, mounts, user_code, memory_bytes_max,
                 cpus_max, processes_max, volume_bytes_max, network, server_port, bound_socket))

// The descriptor of the socket of a job with JobSpec::bound_socket, and the variable that names it.
// The job does not look the socket up by name, so no other job can put one in its place.
inline constexpr int kJobSocketDescriptor = 3;
inline constexpr const char* kJobSocketVariable = "TIDEMILL_SOCKET_DESCRIPTOR";

struct JobExit {
  int exit_code = 0;  // of the command; 128 + signal if a signal ended it
  int signal = 0;
  bool out_of_memory = false;   // the memory limit ended it
  bool out_of_volume = false;   // its files exceeded volume_bytes_max
  bool stop_requested = false;  // stop() was called before
  std::string reason;           // if not empty, why the command could not start
  Timestamp started, ended;
};
TIDEMILL_RECORD(JobExit, (),
                (exit_code, signal, out_of_memory, out_of_volume, stop_requested, reason, started,
                 ended))

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
  std::uint64_t offset;  // offset in the job's log file of the byte after the line
};
inline constexpr std::size_t kLogLineBytesMax = 256 * 1024;

// The end of a job's log.
struct LogTail {
  std::string text;
  // When lines were written, in order: the first line of each moment. Lines up to the next entry
  // have the same time.
  struct Moment {
    std::size_t line;  // counted from 0 in `text`
    Timestamp time;
  };
  std::vector<Moment> moments;
};

// Called on a back-end thread, for any job, including adopted jobs of an earlier server.
class JobListener {
 public:
  virtual ~JobListener() = default;
  // Called at least once per job, after its last log line was delivered.
  virtual void job_exited(const std::string& id, const JobExit& exit) = 0;
  // In order; after a restart, lines after the last acknowledged offset come again. Return false to
  // get the same lines again later (for example when storage is full).
  virtual bool job_logged(const std::string& id, const std::vector<LogLine>& lines) = 0;
};

// The server's doors in the networks of isolated jobs. Thread-safe.
class JobDoors {
 public:
  virtual ~JobDoors() = default;
  // Makes the server listen for its API inside `network`, on `port` of the loopback interface.
  // Called before the job starts, and after a restart.
  virtual Result<void> open(const std::string& job, const runtime::NetworkNamespace& network,
                            std::uint16_t port) = 0;
  // Called when the job is over. Idempotent.
  virtual void close(const std::string& job) = 0;
};

// This machine's isolation of jobs; logged at start, and in Describe outputs where AWS has a place.
struct Isolation {
  bool mount_namespace = false;
  bool unprivileged_user = false;
  bool memory_limit = false;
  bool cpu_limit = false;
  bool process_limit = false;
  bool network_namespace = false;
  bool own_processes = false;       // sees and signals only its own processes
  bool own_temporaries = false;     // its own /tmp, /var/tmp and /dev/shm, removed at its end
  bool read_only_host = false;      // cannot write to the host
  bool system_call_filter = false;  // no new namespaces, no ptrace, ...
  std::string explanation;          // what is missing and why
};
TIDEMILL_RECORD(Isolation, (),
                (mount_namespace, unprivileged_user, memory_limit, cpu_limit, process_limit,
                 network_namespace, own_processes, own_temporaries, read_only_host,
                 system_call_filter, explanation))

// Thread-safe.
class Compute {
 public:
  virtual ~Compute() = default;
  // Adopts running jobs and reports exits since then. `listener` must outlive this object.
  virtual Result<void> start(JobListener& listener) = 0;
  // Stops watching; jobs continue.
  virtual void stop_watching() = 0;
  // Idempotent by id: an existing job, even one that has exited, is not started again.
  virtual Result<void> run(const JobSpec& spec) = 0;
  // Sends SIGTERM to the job's process group, then SIGKILL to all remaining processes after
  // `grace`, even if the server restarts meanwhile. Returns at once; the exit is reported.
  virtual Result<void> stop(const std::string& id, std::chrono::seconds grace) = 0;
  virtual Result<JobStatus> status(const std::string& id) = 0;
  // The whole log text, at most its last `bytes_max` bytes.
  virtual Result<LogTail> log_tail(const std::string& id, std::size_t bytes_max) = 0;
  // Forgets an exited job and its files. Idempotent.
  virtual Result<void> remove(const std::string& id) = 0;
  virtual Isolation isolation() const = 0;

  // Call before start(): sets the doors for isolated jobs with a server_port; must outlive this.
  virtual void serve_through(JobDoors&) {}
  // The network of a running isolated job, the same object each time; nullptr for other jobs.
  // Shared with requests on their way into it.
  virtual std::shared_ptr<const runtime::NetworkNamespace> network_of(const std::string&) {
    return nullptr;
  }
  // Whether the listener on this loopback port in the job's network is the job itself: where jobs
  // share a network, another job may have taken the port. May block for a moment.
  virtual bool listens(const std::string&, std::uint16_t) { return true; }
  // The address of a job with a bound_socket, running or not: in a folder that is invisible to
  // jobs.
  virtual std::string socket_path(const std::string& id) = 0;
};

}  // namespace tidemill::compute
