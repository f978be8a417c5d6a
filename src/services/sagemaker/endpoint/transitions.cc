#include "services/sagemaker/endpoint/transitions.h"

#include <algorithm>

#include "services/sagemaker/endpoint/deployment_transitions.h"

namespace tidemill::services::sagemaker {
namespace {

namespace events = endpoint_events;
namespace tasks = endpoint_tasks;
namespace stages = deployment_stages;
namespace status = endpoint_status;

EndpointOutcome moved(Endpoint next, std::vector<engine::Task> work = {}) {
  return std::optional(EndpointStep{std::move(next), std::move(work)});
}

bool changes_capacity(const Endpoint& endpoint) {
  return endpoint.deployment && !endpoint.pending && endpoint.active &&
         endpoint.status == status::kUpdating;
}

// A change of capacity or weights is done.
EndpointOutcome capacity_done(Endpoint next, Timestamp now) {
  note(next, "completed", now);
  std::vector<engine::Task> work = {{tasks::kPublish}, record_task(next, "Succeeded", "", now)};
  next.deployment.reset();
  next.status = status::kInService;
  return moved(std::move(next), std::move(work));
}

EndpointOutcome instances_ready(Endpoint next, const engine::Event& event, Timestamp now) {
  const Fleet fleet = TRY(event_payload<Fleet>(event));
  if (next.status == status::kDeleting) return stale();
  if (next.pending && next.pending->id == fleet.id)
    return next.deployment->stage == stages::kCreating
               ? std::optional(pending_ready(std::move(next), fleet, now))
               : stale();
  if (!changes_capacity(next) || next.active->id != fleet.id) return stale();
  merge_servers(*next.active, fleet);
  return all_ready(*next.active) ? capacity_done(std::move(next), now)
                                 : moved(std::move(next), {{tasks::kPublish}});
}

// New instances of the fleet in place do not come up: it keeps the size it had.
EndpointOutcome capacity_failed(Endpoint next, const InstancesRef& ref, Timestamp now) {
  StopRequest stop{*next.active, {}};
  for (const InstanceIndex& at : ref.instances) {
    Variant& variant = next.active->variants.at(std::size_t(at.variant));
    if (at.instance >= std::int64_t(stop.fleet.variants[std::size_t(at.variant)].instances.size()))
      continue;
    stop.instances.push_back(at);
    if (at.instance < std::int64_t(variant.instances.size())) variant.resize(at.instance);
  }
  const std::string reason = cut_reason(ref.reason);
  note(next, "failed", now);
  std::vector<engine::Task> work = {{tasks::kPublish},
                                    {tasks::kStopInstances, to_value(stop)},
                                    record_task(next, "Failed", reason, now)};
  next.deployment.reset();
  next.failure_reason = reason;
  next.status = status::kInService;
  return moved(std::move(next), std::move(work));
}

EndpointOutcome instances_failed(Endpoint next, const engine::Event& event, Timestamp now) {
  const InstancesRef ref = TRY(event_payload<InstancesRef>(event));
  if (next.status == status::kDeleting) return stale();
  if (next.pending && next.pending->id == ref.fleet)
    return std::optional(roll_back(std::move(next), ref.reason, now));
  if (changes_capacity(next) && next.active->id == ref.fleet)
    return capacity_failed(std::move(next), ref, now);
  return stale();
}

EndpointOutcome update_requested(Endpoint next, const engine::Event& event, Timestamp now) {
  if (next.status != status::kInService && next.status != status::kFailed) return stale();
  next.status = status::kUpdating;
  return std::optional(
      begin_deployment(std::move(next), TRY(event_payload<DeploymentRequest>(event)), now));
}

EndpointOutcome capacity_requested(Endpoint next, const engine::Event& event, Timestamp now) {
  CapacityRequest request = TRY(event_payload<CapacityRequest>(event));
  if (next.status != status::kInService || !next.active) return stale();
  const Fleet before = *next.active;
  InstancesRef starting{before.id, {}, 0, {}};
  StopRequest stopping{before, {}};
  for (const CapacityChange& change : request.changes) {
    Variant* variant = next.active->find(change.variant);
    if (!variant) continue;
    const std::int64_t at = variant - next.active->variants.data();
    if (change.weight) variant->weight = *change.weight;
    if (!change.instance_count) continue;
    const std::int64_t had = std::int64_t(variant->instances.size()), has = *change.instance_count;
    for (std::int64_t i = had; i < has; ++i) starting.instances.push_back({at, i});
    for (std::int64_t i = has; i < had; ++i) stopping.instances.push_back({at, i});
    variant->resize(has);
  }
  next.status = status::kUpdating;
  next.failure_reason.clear();
  next.deployment = std::move(request.deployment);
  next.deployment->config_name = next.deployment->previous_config_name = before.config_name;
  next.deployment->stage = stages::kUpdating;
  next.deployment->started = next.deployment->stage_started = now;
  next.deployment->traffic = 1;
  note(next, "started", now);
  std::vector<engine::Task> work;
  if (!stopping.instances.empty())
    work.push_back(
        {tasks::kStopInstances, to_value(stopping), std::chrono::seconds(kDrainSeconds)});
  if (starting.instances.empty())
    work.push_back({tasks::kPublish});
  else
    work.push_back({tasks::kStartInstances, to_value(starting)});
  return moved(std::move(next), std::move(work));
}

EndpointOutcome published(Endpoint next, Timestamp now) {
  // Only a change without new instances waits for this.
  if (!changes_capacity(next) || !all_ready(*next.active)) return stale();
  return capacity_done(std::move(next), now);
}

EndpointOutcome server_exited(Endpoint next, const engine::Event& event, Timestamp now) {
  ServerRef ref = TRY(event_payload<ServerRef>(event));
  if (next.status == status::kDeleting) return stale();
  if (next.pending) {
    // While it is being started, whoever waits for it sees the exit itself.
    const Server* server = find_server(*next.pending, ref);
    if (server && server->ready) {
      const std::string& name = next.pending->variants[std::size_t(ref.variant)].name;
      return std::optional(roll_back(std::move(next),
                                     "A model server of production variant " + name +
                                         " ended during the deployment: " + ref.reason,
                                     now));
    }
  }
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server) return stale();
  if (is_retired(next, ref)) return stale();
  server->ready = false;
  ref.attempt = ++server->attempt;
  ref.reason.clear();
  std::vector<engine::Task> work = {{tasks::kPublish},
                                    {tasks::kRestartServer, to_value(ref),
                                     std::chrono::seconds(restart_delay_seconds(ref.attempt))}};
  return moved(std::move(next), std::move(work));
}

EndpointOutcome server_ready(Endpoint next, const engine::Event& event) {
  const ServerRef ref = TRY(event_payload<ServerRef>(event));
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server || next.status == status::kDeleting) return stale();
  server->ready = true;
  server->port = ref.port;
  if (next.status == status::kRollingBack && all_ready(*next.active))
    next.status = status::kInService;
  return moved(std::move(next), {{tasks::kPublish}});
}

EndpointOutcome delete_requested(Endpoint next) {
  if (next.status == status::kDeleting) return stale();
  next.status = status::kDeleting;
  return moved(std::move(next), {{tasks::kRemove}});
}

EndpointOutcome timed_out(Endpoint next, const engine::Event& event, Timestamp now) {
  const InstancesRef ref = TRY(event_payload<InstancesRef>(event));
  if (!next.pending || next.pending->id != ref.fleet || next.status == status::kDeleting)
    return stale();
  const std::string limit = std::to_string(next.deployment->policy.time_max_seconds);
  return std::optional(roll_back(
      std::move(next),
      "The deployment took longer than its MaximumExecutionTimeoutInSeconds, " + limit + ".", now));
}

// The engine gave up on a task.
EndpointOutcome task_failed(Endpoint next, const engine::Event& event, Timestamp now) {
  const Value* task = event.payload.find("task");
  const Value* message = event.payload.find("message");
  if (!task || !task->as_string() || *task->as_string() != tasks::kStartInstances) return stale();
  const std::string reason = "Unable to start the endpoint: " +
                             (message && message->as_string() ? *message->as_string() : "");
  if (next.pending) return std::optional(roll_back(std::move(next), reason, now));
  if (!changes_capacity(next)) return stale();
  InstancesRef ref{next.active->id, {}, 0, reason};
  for (const InstanceIndex& at : all_instances(*next.active))
    if (!next.active->variants[std::size_t(at.variant)].instances[std::size_t(at.instance)].ready())
      ref.instances.push_back(at);
  return capacity_failed(std::move(next), ref, now);
}

}  // namespace

EndpointStep begin_endpoint(Endpoint endpoint, DeploymentRequest request, Timestamp now) {
  endpoint.created = endpoint.modified = now;
  endpoint.status = status::kCreating;
  return begin_deployment(std::move(endpoint), std::move(request), now);
}

EndpointOutcome endpoint_transition(const Endpoint& endpoint, const engine::Event& event,
                                    Timestamp now) {
  Endpoint next = endpoint;
  next.modified = now;
  if (event.type == events::kInstancesReady) return instances_ready(std::move(next), event, now);
  if (event.type == events::kInstancesFailed) return instances_failed(std::move(next), event, now);
  if (event.type == events::kUpdateRequested) return update_requested(std::move(next), event, now);
  if (event.type == events::kCapacityRequested)
    return capacity_requested(std::move(next), event, now);
  if (event.type == events::kAdvance)
    return next.status == status::kDeleting
               ? stale()
               : advance(std::move(next), TRY(event_payload<InstancesRef>(event)), now);
  if (event.type == events::kTimeOut) return timed_out(std::move(next), event, now);
  if (event.type == events::kPublished) return published(std::move(next), now);
  if (event.type == events::kServerExited) return server_exited(std::move(next), event, now);
  if (event.type == events::kServerReady) return server_ready(std::move(next), event);
  if (event.type == events::kDeleteRequested) return delete_requested(std::move(next));
  if (event.type == events::kTaskFailed) return task_failed(std::move(next), event, now);
  return stale();
}

}  // namespace tidemill::services::sagemaker
