#include "services/sagemaker/common/job_router.h"

#include "base/log.h"

namespace tidemill::services::sagemaker {

void JobRouter::add(std::string id_prefix, compute::JobListener& listener) {
  listeners_.emplace_back(std::move(id_prefix), &listener);
}

compute::JobListener* JobRouter::find(const std::string& id) const {
  for (const auto& [prefix, listener] : listeners_)
    if (id.starts_with(prefix)) return listener;
  return nullptr;
}

void JobRouter::job_exited(const std::string& id, const compute::JobExit& exit) {
  if (compute::JobListener* listener = find(id)) return listener->job_exited(id, exit);
  log::warning("a job that nobody knows has ended", {{"job", id}});
}

bool JobRouter::job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) {
  compute::JobListener* listener = find(id);
  return listener ? listener->job_logged(id, lines) : true;
}

}  // namespace tidemill::services::sagemaker
