// Networks of isolated jobs and sockets of model servers: what server and shim need of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/descriptor.h"
#include "compute/compute.h"
#include "compute/process/job_files.h"
#include "runtime/network_namespace.h"

namespace tidemill::compute {

// The shim's part. Its whole process moves, so that the namespace is found by its pid for as long
// as the job runs, and the job is in it from its first instruction on.
Result<void> enter_network(int descriptor);

// A unix socket that is bound to files.socket() and does not listen yet: until the job's program
// listens on it, connections are refused. Only root and the server's own user may connect.
Result<Descriptor> bind_job_socket(const JobFiles& files);

// The server's part: which networks there are, and the doors in them. A job is let go when its exit
// was reported. Thread-safe.
class JobNetworks final : public JobListener {
 public:
  // Both outlive this; called before any other function.
  void serve_through(JobDoors& doors) { doors_ = &doors; }
  void report_to(JobListener& listener) { listener_ = &listener; }

  // Makes the network of a job that is about to start, with its door open.
  Result<std::shared_ptr<const runtime::NetworkNamespace>> make(const JobSpec& spec);
  // Finds the network of a job that an earlier server started, and opens its door again.
  void adopt(const JobSpec& spec, const ShimState& shim);
  // The job could not start after all.
  void drop(const std::string& job);
  // nullptr when the job has none.
  std::shared_ptr<const runtime::NetworkNamespace> find(const std::string& job);

  void job_exited(const std::string& id, const JobExit& exit) override;
  bool job_logged(const std::string& id, const std::vector<LogLine>& lines) override;

 private:
  Result<void> open_door(const JobSpec& spec, const runtime::NetworkNamespace& network);

  JobDoors* doors_ = nullptr;        // nullptr: nobody serves jobs
  JobListener* listener_ = nullptr;  // set before a job can be reported
  std::mutex mutex_;
  // Shared: with whoever connects into it. Guarded by mutex_.
  std::map<std::string, std::shared_ptr<const runtime::NetworkNamespace>> networks_;
};

}  // namespace tidemill::compute
