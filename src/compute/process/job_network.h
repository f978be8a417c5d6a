// Networks of isolated jobs and sockets of model servers, for the server and the shim.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/descriptor.h"
#include "compute/compute.h"
#include "compute/process/job_doors.h"
#include "compute/process/job_files.h"
#include "runtime/network_namespace.h"

namespace tidemill::compute {

// The shim's part. Moves the whole process, so that the namespace can be found by its pid while the
// job runs, and the job is in it from its first instruction.
Result<void> enter_network(int descriptor);

// A unix socket bound to files.socket() that does not listen yet: connections are refused until the
// job's program listens. Only root and the server's own user may connect.
Result<Descriptor> bind_job_socket(const JobFiles& files);

// The server's part: the existing networks and their doors. Drops a job's network when its exit has
// been reported. Thread-safe.
class JobNetworks final : public JobListener {
 public:
  // Both arguments must outlive this; call before any other function.
  void serve_through(JobDoors& doors) { doors_ = &doors; }
  void report_to(JobListener& listener) { listener_ = &listener; }

  // Makes the network of a job that is about to start, with its door open.
  Result<std::shared_ptr<const runtime::NetworkNamespace>> make(const ProcessSpec& spec);
  // Finds the network of a job that an earlier server started, and opens its door again.
  void adopt(const ProcessSpec& spec, const ShimState& shim);
  // The job could not start after all.
  void drop(const std::string& job);
  // nullptr when the job does not have one.
  std::shared_ptr<const runtime::NetworkNamespace> find(const std::string& job);

  void job_exited(const std::string& id, const JobExit& exit) override;
  bool job_logged(const std::string& id, const std::vector<LogLine>& lines) override;

 private:
  Result<void> open_door(const ProcessSpec& spec, const runtime::NetworkNamespace& network);

  JobDoors* doors_ = nullptr;        // nullptr: nobody serves jobs
  JobListener* listener_ = nullptr;  // set before a job can be reported
  std::mutex mutex_;
  // Shared with users that connect into it. Guarded by mutex_.
  std::map<std::string, std::shared_ptr<const runtime::NetworkNamespace>> networks_;
};

}  // namespace tidemill::compute
