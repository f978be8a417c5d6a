// A job as services describe it, and what a driver reports of it. Nothing here says where the job
// runs: a JobSpec names programs, volumes and addresses, and no path of the server's machine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/describe.h"

namespace tidemill::compute {

// The network that a job can reach.
enum class JobNetwork : std::uint8_t {
  host,      // the network of the machine it runs on, including ports of other jobs and services
  isolated,  // its own network: a loopback interface with the server's door
};
BOOST_DESCRIBE_ENUM(JobNetwork, host, isolated)

// A volume (volumes.h) that the job sees. One mount may be below another.
struct VolumeMount {
  std::string volume;
  std::string destination;  // absolute, inside the job
  bool read_only = false;
  // Where the driver cannot show a volume at its destination, the variable that tells the job where
  // it is instead. "": none.
  std::string variable = {};
};

// Far more than training with many workers needs, far less than a machine can run.
inline constexpr std::uint64_t kJobProcessesMax = 1024;

// Limits; 0: none.
struct Resources {
  std::uint64_t memory_bytes_max = 0;
  double cpus_max = 0;
  std::uint64_t processes_max = kJobProcessesMax;  // and threads
  std::uint64_t scratch_bytes_max = 0;  // for files in writable volumes, /tmp and /var/tmp
  std::int64_t gpus = 0;                // not a limit: so many are needed
};

struct JobSpec {
  std::string id;  // never reused, [A-Za-z0-9._-]{1,128}
  // argv. [0] is the name of one of the runtime's programs, an absolute path inside the job, or
  // looked up in PATH.
  std::vector<std::string> command;
  // The base of the command: one of the driver's runtimes ("python"), which brings its programs
  // and everything that they need. "": nothing but what every job has.
  std::string runtime;
  std::string image;  // of a container; "": none. At most one of runtime and image.
  std::map<std::string, std::string> environment;
  // Variables that lead to the credentials of the job's role. They are secret: drivers do not put
  // them where other users of the machine or the cluster can read them.
  std::map<std::string, std::string> credentials;
  // Inside the job. Where the driver cannot show volumes at their destinations, it corrects this
  // path, words of the command and values of variables that begin with a destination.
  std::string working_directory;
  std::vector<VolumeMount> volumes;
  Resources resources;
  bool user_code = true;  // run as an unprivileged user if the machine allows it
  // prepare() refuses an isolated job if the driver cannot isolate it (see Isolation).
  JobNetwork network = JobNetwork::host;
  // For isolated jobs: the server listens on this port of the job's loopback; 0: not at all.
  std::uint16_t server_port = 0;
  // Passes a unix socket, bound but not listening, as kJobSocketDescriptor. Its address:
  // Driver::address().
  bool bound_socket = false;
  std::int64_t replicas = 1;  // equal processes that see each other, each with these resources
};

// The descriptor of the socket of a job with JobSpec::bound_socket, and the variable that names it.
// The job does not look the socket up by name, so no other job can put one in its place.
inline constexpr int kJobSocketDescriptor = 3;
inline constexpr const char* kJobSocketVariable = "TIDEMILL_SOCKET_DESCRIPTOR";

struct JobExit {
  int exit_code = 0;  // of the command; 128 + signal if a signal ended it
  int signal = 0;
  bool out_of_memory = false;   // the memory limit ended it
  bool out_of_volume = false;   // its files exceeded Resources::scratch_bytes_max
  bool stop_requested = false;  // stop() was called before
  std::string reason;           // if not empty, why the command could not start
  Timestamp started, ended;
};
TIDEMILL_RECORD(JobExit, (),
                (exit_code, signal, out_of_memory, out_of_volume, stop_requested, reason, started,
                 ended))

enum class JobState {
  absent,    // never prepared, or forgotten
  prepared,  // everything is in place, nothing runs
  running,
  exited,
};

struct JobStatus {
  JobState state = JobState::absent;
  std::optional<JobExit> exit;
  std::uint64_t memory_bytes = 0;  // resident now, whole tree
  double cpu_seconds = 0;          // used so far, whole tree
  // True once the job has run or runs: it will not be started again.
  bool has_started() const { return state == JobState::running || state == JobState::exited; }
};

struct LogLine {
  Timestamp time;
  std::string text;      // without its newline; cut at kLogLineBytesMax
  std::uint64_t offset;  // offset in the job's log of the byte after the line
};
inline constexpr std::size_t kLogLineBytesMax = 256 * 1024;

// A part of a job's log.
struct LogPart {
  std::vector<LogLine> lines;
  std::uint64_t next = 0;  // the offset of what follows
};

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

// The isolation that a driver gives to jobs; logged at start, and in Describe outputs where AWS has
// a place.
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

}  // namespace tidemill::compute
