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
  host,      // what this machine reaches, ports of other jobs and services on loopback included
  isolated,  // a network of its own: its own loopback interface, and the server's door in it
};
BOOST_DESCRIBE_ENUM(JobNetwork, host, isolated)

struct Mount {
  std::string source;       // absolute path on the host; must exist
  std::string destination;  // absolute path inside the job's mount namespace; made when missing
  bool read_only = false;
};
TIDEMILL_RECORD(Mount, (), (source, destination, read_only))

// Far above what training with many workers needs, far below what a machine has.
inline constexpr std::uint64_t kJobProcessesMax = 1024;

struct JobSpec {
  std::string id;                    // unique for ever, [A-Za-z0-9._-]{1,128}
  std::vector<std::string> command;  // argv; [0] an absolute path or looked up in PATH
  std::map<std::string, std::string> environment;
  std::string working_directory;  // as seen inside the job
  std::vector<Mount> mounts;
  bool user_code = true;               // runs as an unprivileged user where the machine allows
  std::uint64_t memory_bytes_max = 0;  // 0: no limit
  double cpus_max = 0;                 // 0: no limit
  std::uint64_t processes_max = kJobProcessesMax;  // and threads; 0: no limit
  // Limit on the files in the writable mounts and in the job's /tmp and /var/tmp; 0: no limit.
  std::uint64_t volume_bytes_max = 0;
  // run() refuses a job that shall be isolated where Isolation says that it cannot be.
  JobNetwork network = JobNetwork::host;
  // For isolated jobs: the server listens on this port of its loopback interface; 0: nowhere.
  std::uint16_t server_port = 0;
  // It gets a unix socket, bound but not listening, as kJobSocketDescriptor; see socket_path().
  bool bound_socket = false;
};
TIDEMILL_RECORD(JobSpec, (),
                (id, command, environment, working_directory, mounts, user_code, memory_bytes_max,
                 cpus_max, processes_max, volume_bytes_max, network, server_port, bound_socket))

// Where a job with JobSpec::bound_socket finds its socket, and the variable that says so. What the
// job's user can reach is never looked up by name, so that no job can put another socket there.
inline constexpr int kJobSocketDescriptor = 3;
inline constexpr const char* kJobSocketVariable = "TIDEMILL_SOCKET_DESCRIPTOR";

struct JobExit {
  int exit_code = 0;  // of the command; 128 + signal when a signal ended it
  int signal = 0;
  bool out_of_memory = false;   // the memory limit ended it
  bool out_of_volume = false;   // its files outgrew volume_bytes_max, which ended it
  bool stop_requested = false;  // stop() came before
  std::string reason;           // not empty when the command could not even start, and why
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
  std::uint64_t offset;  // of the byte after the line in the job's log file
};
inline constexpr std::size_t kLogLineBytesMax = 256 * 1024;

// The end of a job's log.
struct LogTail {
  std::string text;
  // When lines were written, in their order: the first line of each moment. Lines up to the next
  // entry have the same time.
  struct Moment {
    std::size_t line;  // counted from 0 in `text`
    Timestamp time;
  };
  std::vector<Moment> moments;
};

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

// The server's doors in the networks of isolated jobs. Thread-safe.
class JobDoors {
 public:
  virtual ~JobDoors() = default;
  // The server listens inside `network`, on its loopback interface: for its API on `port`. Before
  // the job starts, and after a restart.
  virtual Result<void> open(const std::string& job, const runtime::NetworkNamespace& network,
                            std::uint16_t port) = 0;
  // The job is over. Idempotent.
  virtual void close(const std::string& job) = 0;
};

// What this machine grants; printed at start and kept in Describe outputs where AWS has a place.
struct Isolation {
  bool mount_namespace = false;
  bool unprivileged_user = false;
  bool memory_limit = false;
  bool cpu_limit = false;
  bool process_limit = false;
  bool network_namespace = false;
  bool own_processes = false;       // sees and signals no processes but its own
  bool own_temporaries = false;     // /tmp, /var/tmp and /dev/shm of its own, gone at its end
  bool read_only_host = false;      // writes to nothing of the host
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
  virtual Result<LogTail> log_tail(const std::string& id, std::size_t bytes_max) = 0;
  // Forgets an exited job and its files. Idempotent.
  virtual Result<void> remove(const std::string& id) = 0;
  virtual Isolation isolation() const = 0;

  // Before start(): who serves isolated jobs with a server_port. `doors` outlives this.
  virtual void serve_through(JobDoors&) {}
  // Of an isolated job that runs; nullptr of any other. The same one each time. Shared: with
  // requests on their way into it.
  virtual std::shared_ptr<const runtime::NetworkNamespace> network_of(const std::string&) {
    return nullptr;
  }
  // Whether whoever listens on this port of the loopback interface, in the job's network, is the
  // job: where jobs share a network another one may have taken it. May block for a moment.
  virtual bool listens(const std::string&, std::uint16_t) { return true; }
  // Where to connect to a job with a bound_socket, whether it runs or not: in a folder that no job
  // sees.
  virtual std::string socket_path(const std::string& id) = 0;
};

}  // namespace tidemill::compute
