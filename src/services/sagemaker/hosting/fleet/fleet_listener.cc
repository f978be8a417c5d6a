#include "services/sagemaker/hosting/fleet/fleet_listener.h"

#include "base/log.h"
#include "engine/transitions.h"
#include "services/sagemaker/common/job_log.h"
#include "services/sagemaker/hosting/fleet/fleet_events.h"

namespace tidemill::services::sagemaker::hosting {

void FleetListener::job_exited(const std::string& id, const compute::JobExit& exit) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job || exit.stop_requested) return;
  job->ref.reason = "exit code " + std::to_string(exit.exit_code);
  if (exit.out_of_memory) job->ref.reason += ", it used more memory than it may";
  // Stale for servers that are still being started: whoever waits for them sees the exit itself.
  if (send(*job, engine::event_of(fleet_events::ServerExited{job->ref})))
    log::warning("a model server ended; it is started again",
                 {{job->kind, job->name}, {"exit_code", exit.exit_code}});
}

bool FleetListener::send(const ServerJob& job, const engine::Event& event) {
  Result<bool> sent =
      in_.engine.send(owners_.machine, store::key({job.account, job.region, job.name}), event);
  return sent && *sent;
}

bool FleetListener::server_unhealthy(const UnhealthyServer& server) {
  Result<ServerJob> job = parse_server_job_id(server.job);
  if (!job) return false;
  job->ref.reason = server.reason;
  job->ref.stop_grace_seconds = server.stop_grace.count();
  if (!send(*job, engine::event_of(fleet_events::ServerUnhealthy{job->ref}))) return false;
  log::warning("a model server is not healthy; it is ended",
               {{job->kind, job->name}, {"reason", server.reason}});
  say(server.job, "The model server is taken out of service and ended: " + server.reason + ".");
  return true;
}

void FleetListener::say(const std::string& id, const std::string& line) {
  if (!job_logged(id, {{in_.clock.now(), line, 0}}))
    log::warning("a line cannot be written to a model server's log", {{"job", id}, {"line", line}});
}

bool FleetListener::job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job) return true;
  Result<std::optional<std::string>> stream =
      owners_.log_stream(store::key({job->account, job->region, job->name}), job->ref);
  if (!stream) return false;
  if (!*stream) return true;  // deleted meanwhile
  return keep_lines(in_.logs, {job->account, job->region, owners_.log_group + job->name, **stream},
                    lines, LogSource::many_jobs);
}

}  // namespace tidemill::services::sagemaker::hosting
