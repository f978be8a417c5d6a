// An endpoint's model servers: those that ended, hang, are started again or are stopped.
#include <algorithm>

#include "base/log.h"
#include "services/sagemaker/endpoint/endpoint_service.h"
#include "services/sagemaker/endpoint/history.h"
#include "services/sagemaker/tags/tags.h"

namespace tidemill::services::sagemaker {
namespace {

namespace events = endpoint_events;

std::string stream_of(const Endpoint& endpoint, const ServerRef& ref) {
  for (const auto* fleet : {&endpoint.active, &endpoint.pending})
    if (*fleet && (*fleet)->id == ref.fleet &&
        ref.variant < std::int64_t((*fleet)->variants.size()))
      return server_log_stream((*fleet)->variants[std::size_t(ref.variant)], ref);
  return "i-" + ref.fleet + "-" + std::to_string(ref.instance);
}

}  // namespace

void EndpointService::log_about(const Endpoint& endpoint, const ServerRef& ref, std::string line) {
  Result<void> kept =
      in_.logs.append(endpoint.account, endpoint.region, kEndpointLogGroup + endpoint.name,
                      stream_of(endpoint, ref), {{in_.clock.now(), line}});
  if (!kept)
    log::warning("a line cannot be written to an endpoint's log",
                 {{"endpoint", endpoint.name}, {"line", line}, {"reason", kept.error().message}});
}

bool EndpointService::server_unhealthy(const UnhealthyServer& server) {
  Result<ServerJob> job = parse_server_job_id(server.job);
  if (!job) return false;
  job->ref.reason = server.reason;
  job->ref.stop_grace_seconds = server.stop_grace.count();
  const std::string key = endpoint_key(job->account, job->region, job->name);
  auto found = endpoints().get(in_.store, key);
  Result<bool> sent =
      in_.engine.send(kEndpointMachine, key, {events::kServerUnhealthy, to_value(job->ref)});
  if (!sent || !*sent || !found || !*found) return false;
  log::warning("a model server is not healthy; it is ended and started again",
               {{"endpoint", job->name}, {"reason", server.reason}});
  log_about((*found)->record, job->ref,
            "The model server is taken out of service and started again: " + server.reason + ".");
  return true;
}

engine::TaskResult EndpointService::end_server(const Endpoint& endpoint,
                                               const engine::TaskRun& run) {
  const ServerRef ref = TRY(task_payload<ServerRef>(run));
  TRY(fleets_.end_server(owner_of(endpoint), ref));
  return std::vector<engine::Event>();
}

bool EndpointService::drains(const Fleet& fleet, const std::vector<InstanceIndex>& which,
                             Timestamp due) const {
  return fleets_.under_way(fleet, which) > 0 &&
         in_.clock.now() < due + fleets_.drain_time_max(fleet);
}

bool EndpointService::drains(const LeavingInstances& leaving) const {
  return drains(leaving.fleet, leaving.whole ? all_instances(leaving.fleet) : leaving.instances,
                leaving.due);
}

engine::TaskResult EndpointService::stop_drained(const Endpoint& endpoint,
                                                 const engine::TaskRun& run) {
  const StopRef ref = TRY(task_payload<StopRef>(run));
  for (const LeavingInstances& each : endpoint.leaving) {
    if (each.id != ref.id) continue;
    // Nothing new may begin on it, whatever became of the publication that went with it.
    if (ref.looks == 0) publish_or_log(run.key);
    if (drains(each)) return std::vector<engine::Event>{{events::kDraining, run.payload}};
    TRY(stop_leaving(endpoint, each));
  }
  return std::vector<engine::Event>{{events::kStopped, run.payload}};
}

Result<void> EndpointService::stop_leaving(const Endpoint& endpoint,
                                           const LeavingInstances& leaving) {
  const FleetOwner owner = owner_of(endpoint);
  return leaving.whole ? fleets_.stop(owner, leaving.fleet)
                       : fleets_.stop_instances(owner, leaving.fleet, leaving.instances);
}

engine::TaskResult EndpointService::restart_server(const Endpoint& endpoint,
                                                   const engine::TaskRun& run) {
  ServerRef ref = TRY(task_payload<ServerRef>(run));
  // It may have been scaled away, or be at another attempt.
  Fleet fleet = endpoint.active.value_or(Fleet{});
  if (!find_server(fleet, ref)) return std::vector<engine::Event>();
  Result<ServerRef> started = fleets_.start_server(owner_of(endpoint), *endpoint.active, ref);
  if (started) {
    log_about(endpoint, ref, "The model server was started again and answers GET /ping.");
    return std::vector<engine::Event>{{events::kServerReady, to_value(*started)}};
  }
  if (started.error().code != kDeploymentFailed) return cancelled(started.error(), run);
  log::warning("a model server does not come up",
               {{"endpoint", endpoint.arn}, {"reason", started.error().message}});
  return std::vector<engine::Event>{{events::kServerExited, to_value(ref)}};
}

engine::TaskResult EndpointService::remove(const Endpoint& endpoint, const engine::TaskRun& run) {
  {
    std::lock_guard lock(publishing_);
    remove_route(endpoint.account, endpoint.region, endpoint.name);
  }
  const Timestamp since = endpoint.deleting_since.value_or(Timestamp{});
  const auto still_answers = [&](const std::optional<Fleet>& fleet) {
    return fleet && drains(*fleet, all_instances(*fleet), since);
  };
  if (still_answers(endpoint.active) || still_answers(endpoint.pending) ||
      std::ranges::any_of(endpoint.leaving, [&](const auto& each) { return drains(each); }))
    return std::vector<engine::Event>{
        {events::kDraining, to_value(task_payload<StopRef>(run).value_or(StopRef{}))}};
  const FleetOwner owner = owner_of(endpoint);
  for (const LeavingInstances& each : endpoint.leaving) TRY(stop_leaving(endpoint, each));
  if (endpoint.pending) TRY(fleets_.stop(owner, *endpoint.pending));
  if (endpoint.active) TRY(fleets_.stop(owner, *endpoint.active));
  store::Transaction transaction;
  erase_tags(transaction, endpoint.arn);
  TRY(forget_deployments(in_.store, transaction, endpoint));
  TRY(in_.engine.erase(kEndpointMachine, run.key, std::move(transaction)));
  return std::vector<engine::Event>();
}

void EndpointService::job_exited(const std::string& id, const compute::JobExit& exit) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job || exit.stop_requested) return;
  job->ref.reason = "exit code " + std::to_string(exit.exit_code);
  // Stale for servers that are still being started: whoever waits for them sees the exit itself.
  Result<bool> sent =
      in_.engine.send(kEndpointMachine, endpoint_key(job->account, job->region, job->name),
                      {events::kServerExited, to_value(job->ref)});
  if (sent && *sent)
    log::warning("a model server ended; it is started again",
                 {{"endpoint", job->name}, {"exit_code", exit.exit_code}});
}

bool EndpointService::job_logged(const std::string& id,
                                 const std::vector<compute::LogLine>& lines) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job) return true;
  auto found = endpoints().get(in_.store, endpoint_key(job->account, job->region, job->name));
  if (!found) return false;
  if (!*found) return true;  // deleted meanwhile
  const std::string stream = stream_of((*found)->record, job->ref);
  std::vector<logs::LogEvent> entries;
  entries.reserve(lines.size());
  for (const compute::LogLine& line : lines) entries.push_back({line.time, line.text});
  return in_.logs
      .append(job->account, job->region, kEndpointLogGroup + job->name, stream, std::move(entries))
      .has_value();
}

}  // namespace tidemill::services::sagemaker
