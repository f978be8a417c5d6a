// compute/ has one listener; jobs belong to several resources. Which one, their id's prefix says.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compute/compute.h"

namespace tidemill::services::sagemaker {

// Filled before the compute back end starts, then read-only.
class JobRouter final : public compute::JobListener {
 public:
  // `listener` outlives the back end's watching.
  void add(std::string id_prefix, compute::JobListener& listener);
  void job_exited(const std::string& id, const compute::JobExit& exit) override;
  // Lines of jobs nobody knows are dropped.
  bool job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) override;

 private:
  compute::JobListener* find(const std::string& id) const;
  std::vector<std::pair<std::string, compute::JobListener*>> listeners_;
};

}  // namespace tidemill::services::sagemaker
