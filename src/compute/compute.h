// The driver interface: where work runs. A job is a process tree that outlives the server: it is
// prepared, started once, observed, adopted again after a restart, stopped with a grace period, and
// removed. Drivers: process/ now; oci/, slurm/ and kubernetes/ later (docs/adr/0015). Each passes
// the suite in conformance/.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "compute/job.h"
#include "compute/volumes.h"
#include "runtime/network_namespace.h"

namespace tidemill::compute {

// Called on a driver's thread, for any job, including adopted jobs of an earlier server.
class JobListener {
 public:
  virtual ~JobListener() = default;
  // Called at least once per job, after its last log line was delivered.
  virtual void job_exited(const std::string& id, const JobExit& exit) = 0;
  // In order; after a restart, lines after the last acknowledged offset come again. Return false to
  // get the same lines again later (for example when storage is full).
  virtual bool job_logged(const std::string& id, const std::vector<LogLine>& lines) = 0;
};

// Where a job's server is reached from this server. Exactly one of socket_path and port is set, or
// neither: it cannot be reached.
struct Address {
  std::string socket_path;  // of a unix socket, in a folder that jobs cannot see
  std::uint16_t port = 0;   // of the loopback interface
  // The network that the port is in; nullptr: this server's. Shared with requests on their way.
  std::shared_ptr<const runtime::NetworkNamespace> network;
};

// Thread-safe.
class Compute {
 public:
  virtual ~Compute() = default;

  // Takes over all jobs that an earlier server started, and reports exits and lines since then, and
  // from now on. Forgets jobs that were prepared and never started. Call it once, before any other
  // function but volumes() and isolation(). `listener` must outlive the reports.
  virtual Result<void> adopt(JobListener& listener) = 0;
  // Ends the reports; jobs continue.
  virtual void stop_watching() = 0;

  // Checks the spec and puts everything in place for the start. Refuses by name what this driver
  // cannot do. Idempotent by id: a job that was started, even one that has exited, stays as it is;
  // one that was only prepared is prepared anew.
  virtual Result<void> prepare(const JobSpec& spec) = 0;
  // Starts a prepared job, once: does nothing for one that was started. NotFound: it is not
  // prepared. After another error the job is either running or forgotten; prepare it again.
  virtual Result<void> start(const std::string& id) = 0;
  Result<void> run(const JobSpec& spec) {
    if (Result<void> prepared = prepare(spec); !prepared) return prepared;
    return start(spec.id);
  }
  virtual Result<JobStatus> observe(const std::string& id) = 0;
  // Lines from `offset` on, which is 0, a LogLine::offset or a LogPart::next; at most about
  // `bytes_max` bytes, but at least one line if there is a whole one. NotFound: no such job.
  virtual Result<LogPart> log(const std::string& id, std::uint64_t offset,
                              std::size_t bytes_max) = 0;
  // The whole log text, at most its last `bytes_max` bytes.
  virtual Result<LogTail> log_tail(const std::string& id, std::size_t bytes_max) = 0;
  // Asks the job to end (SIGTERM to its process group), then kills all remaining processes after
  // `grace`, even if the server restarts meanwhile. Returns at once; the exit is reported. A job
  // that was only prepared is forgotten. NotFound: no such job.
  virtual Result<void> stop(const std::string& id, std::chrono::seconds grace) = 0;
  // Forgets a job that does not run, with its log; not its volumes. Idempotent. Conflict: it runs.
  virtual Result<void> remove(const std::string& id) = 0;

  // Where the job's server is: its bound socket, or a port of its network if `port` is not 0.
  virtual Address address(const std::string& id, std::uint16_t port) = 0;
  // Whether the listener on this port of the job's network is the job itself: where jobs share a
  // network, another job may have taken the port. May block for a moment.
  virtual bool listens(const std::string& id, std::uint16_t port) = 0;

  virtual Volumes& volumes() = 0;
  // Where jobs find a volume that is to be mounted at `destination`, at this path or elsewhere.
  virtual std::string path_in_jobs(const std::string& volume, const std::string& destination) = 0;
  virtual Isolation isolation() const = 0;
};
using Driver = Compute;

}  // namespace tidemill::compute
