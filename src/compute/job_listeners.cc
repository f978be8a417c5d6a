#include "compute/job_listeners.h"

#include <cassert>

#include "base/log.h"

namespace tidemill::compute {

void JobListeners::add(std::string id_prefix, JobListener& listener) {
  for (const auto& [prefix, other] : listeners_)
    assert(!id_prefix.starts_with(prefix) && !prefix.starts_with(id_prefix));
  listeners_.emplace_back(std::move(id_prefix), &listener);
}

JobListener* JobListeners::find(const std::string& id) const {
  for (const auto& [prefix, listener] : listeners_)
    if (id.starts_with(prefix)) return listener;
  return nullptr;
}

void JobListeners::job_exited(const std::string& id, const JobExit& exit) {
  if (JobListener* listener = find(id)) return listener->job_exited(id, exit);
  log::warning("a job without an owner has ended", {{"job", id}});
}

bool JobListeners::job_logged(const std::string& id, const std::vector<LogLine>& lines) {
  JobListener* listener = find(id);
  return listener ? listener->job_logged(id, lines) : true;
}

}  // namespace tidemill::compute
