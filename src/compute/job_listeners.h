// The one registry of listeners to jobs. A driver has a single listener, but jobs belong to many
// services; the prefix of a job's id tells which.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compute/compute.h"

namespace tidemill::compute {

// Filled before the driver begins to report, then read-only, and therefore thread-safe.
class JobListeners final : public JobListener {
 public:
  // `listener` is told about every job whose id begins with `id_prefix`; it must outlive the
  // driver's watching. No prefix may begin with another one: a job has one owner.
  void add(std::string id_prefix, JobListener& listener);
  void job_exited(const std::string& id, const JobExit& exit) override;
  // Lines of jobs without an owner are dropped.
  bool job_logged(const std::string& id, const std::vector<LogLine>& lines) override;

 private:
  JobListener* find(const std::string& id) const;
  std::vector<std::pair<std::string, JobListener*>> listeners_;
};

}  // namespace tidemill::compute
