#include "services/sagemaker/hosting/endpoint/transitions.h"

#include <algorithm>

#include "engine/transitions.h"
#include "services/sagemaker/common/state_change.h"
#include "services/sagemaker/hosting/endpoint/deployment_transitions.h"
#include "services/sagemaker/hosting/endpoint/events.h"

namespace tidemill::services::sagemaker::hosting {
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
  std::vector<engine::Task> work = {record_task(next, "Succeeded", "", now)};
  next.deployment.reset();
  next.status = status::kInService;
  return moved(std::move(next), std::move(work));
}

// New instances of the fleet in place do not come up: it keeps those it had.
EndpointOutcome capacity_failed(Endpoint next, std::string reason, Timestamp now) {
  LeavingInstances stop{"", *next.active, {}, false};
  for (std::size_t v = 0; v < stop.fleet.variants.size(); ++v) {
    const auto& instances = stop.fleet.variants[v].instances;
    std::size_t kept = instances.size();
    // The new ones are the last.
    while (kept > 0 && std::ranges::any_of(instances[kept - 1].servers, &Server::starting))
      stop.instances.push_back({std::int64_t(v), std::int64_t(--kept)});
    if (kept < instances.size()) next.active->variants[v].resize(std::int64_t(kept));
  }
  reason = cut_reason(std::move(reason));
  note(next, "failed", now);
  std::vector<engine::Task> work = {{tasks::kPublish}, record_task(next, "Failed", reason, now)};
  if (!stop.instances.empty()) work.push_back(leave(next, std::move(stop), 0));
  next.deployment.reset();
  next.failure_reason = std::move(reason);
  next.status = status::kInService;
  return moved(std::move(next), std::move(work));
}

EndpointOutcome instances_ready(Endpoint next, const events::InstancesReady& fleet, Timestamp now) {
  if (next.pending && next.pending->id == fleet.id)
    return next.deployment->stage == stages::kCreating
               ? std::optional(pending_ready(std::move(next), fleet, now))
               : stale();
  if (!changes_capacity(next) || next.active->id != fleet.id) return stale();
  merge_servers(*next.active, fleet);
  if (any_starting(*next.active))
    return capacity_failed(std::move(next), "A model server ended while it was being started.",
                           now);
  ++next.deployment->step;  // an earlier publication does not have the new instances
  return moved(std::move(next), {{tasks::kPublish}});
}

EndpointOutcome instances_failed(Endpoint next, const events::InstancesFailed& ref, Timestamp now) {
  if (next.pending && next.pending->id == ref.fleet)
    return std::optional(roll_back(std::move(next), ref.reason, now));
  if (changes_capacity(next) && next.active->id == ref.fleet)
    return capacity_failed(std::move(next), ref.reason, now);
  return stale();
}

EndpointOutcome update_requested(Endpoint next, const events::UpdateRequested& request,
                                 Timestamp now) {
  next.status = status::kUpdating;
  return std::optional(begin_deployment(std::move(next), request, now));
}

EndpointOutcome capacity_requested(Endpoint next, const events::CapacityRequested& request,
                                   Timestamp now) {
  if (!next.active) return stale();
  const Fleet before = *next.active;
  InstancesRef starting{before.id, {}, 0, {}};
  LeavingInstances stopping{"", before, {}, false};
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
  next.deployment = request.deployment;
  next.deployment->config_name = next.deployment->previous_config_name = before.config_name;
  next.deployment->stage = stages::kUpdating;
  next.deployment->started = next.deployment->stage_started = now;
  next.deployment->traffic = 1;
  note(next, "started", now);
  // Those that go are out of the routes long before they are stopped.
  std::vector<engine::Task> work = {{tasks::kPublish}};
  if (!stopping.instances.empty()) work.push_back(leave(next, std::move(stopping), kDrainSeconds));
  if (!starting.instances.empty()) work.push_back({tasks::kStartInstances, to_value(starting)});
  return moved(std::move(next), std::move(work));
}

EndpointOutcome published(Endpoint next, const events::Published& event, Timestamp now) {
  if (!next.deployment || next.deployment->id != event.deployment ||
      next.deployment->step != event.step)
    return stale();
  if (next.pending)
    return next.deployment->stage == stages::kPublishing
               ? std::optional(traffic_shifted(std::move(next), now))
               : stale();
  if (!changes_capacity(next) || any_starting(*next.active)) return stale();
  return capacity_done(std::move(next), now);
}

// Whoever waits for the start fails it; until then nothing must take the server for one that runs.
EndpointOutcome first_start_failed(Endpoint next, const ServerRef& ref) {
  for (std::optional<Fleet>* fleet : {&next.pending, &next.active})
    if (*fleet)
      if (Server* server = find_server(**fleet, ref)) ++server->attempt;
  return moved(std::move(next));
}

EndpointOutcome server_down(Endpoint next, ServerRef ref, Timestamp now) {
  if (next.status == status::kDeleting) return stale();
  if (next.pending) {
    Server* server = find_server(*next.pending, ref);
    if (server && server->starting) return first_start_failed(std::move(next), ref);
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
  if (server->starting) return first_start_failed(std::move(next), ref);
  server->ready = false;
  ref.attempt = ++server->attempt;
  ref.reason.clear();
  std::vector<engine::Task> work = {{tasks::kPublish}, restart(ref)};
  return moved(std::move(next), std::move(work));
}

EndpointOutcome server_exited(Endpoint next, const events::ServerExited& ref, Timestamp now) {
  return server_down(std::move(next), ref, now);
}

// It is taken out of service as one that ended, and ended; one that leaves is only ended.
EndpointOutcome server_unhealthy(Endpoint next, const events::ServerUnhealthy& event,
                                 Timestamp now) {
  const ServerRef& ref = event;
  Server* leaving = find_server(next.leaving, ref);
  for (std::optional<Fleet>* fleet : {&next.active, &next.pending})
    if (!leaving && *fleet && next.status == status::kDeleting) leaving = find_server(**fleet, ref);
  if (leaving) {
    if (!std::exchange(leaving->ready, false)) return stale();
    return moved(std::move(next), {{tasks::kEndServer, to_value(ref)}});
  }
  const auto in_service = [&](std::optional<Fleet>& fleet) {
    const Server* server = fleet ? find_server(*fleet, ref) : nullptr;
    return server && server->ready;
  };
  if (!in_service(next.pending) && !in_service(next.active)) return stale();
  std::optional<EndpointStep> step = TRY(server_down(std::move(next), ref, now));
  if (step) step->tasks.push_back({tasks::kEndServer, to_value(ref)});
  return step;
}

EndpointOutcome server_ready(Endpoint next, const events::ServerReady& ref, Timestamp) {
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server) return stale();
  server->ready = true;
  server->port = ref.port;
  if (next.status == status::kRollingBack && all_ready(*next.active))
    next.status = status::kInService;
  return moved(std::move(next), {{tasks::kPublish}});
}

EndpointOutcome stopped(Endpoint next, const events::Stopped& ref, Timestamp) {
  if (!forget(next.leaving, ref)) return stale();
  return moved(std::move(next));
}

// Requests are under way on what is to be stopped: another look later.
EndpointOutcome draining(Endpoint next, const events::Draining& ref, Timestamp) {
  auto look = look_again(next.leaving, next.status == status::kDeleting, ref);
  return look ? moved(std::move(next), {*std::move(look)}) : stale();
}

EndpointOutcome delete_requested(Endpoint next, const events::DeleteRequested&, Timestamp now) {
  next.status = status::kDeleting;
  next.deleting_since = now;
  return moved(std::move(next), {removal()});
}

EndpointOutcome step_over(Endpoint next, const events::Advance& ref, Timestamp now) {
  return advance(std::move(next), ref, now);
}

EndpointOutcome timed_out(Endpoint next, const events::TimeOut& ref, Timestamp now) {
  if (!next.pending || next.pending->id != ref.fleet) return stale();
  const std::string limit = std::to_string(next.deployment->policy.time_max_seconds);
  return std::optional(roll_back(
      std::move(next),
      "The deployment took longer than its MaximumExecutionTimeoutInSeconds, " + limit + ".", now));
}

// Starts servers again that should have been started and are still down.
void restart_again(const Endpoint& next, std::vector<engine::Task>& work) {
  if (!next.active) return;
  for (const ServerRef& ref : servers_down(*next.active))
    if (!is_retired(next, ref)) work.push_back({tasks::kRestartServer, to_value(ref), kAgain});
}

// The engine gave up on a task. What must happen sooner or later is asked for again.
EndpointOutcome task_failed(Endpoint next, const engine::TaskFailure& failure, Timestamp now) {
  const auto& [task, code, message] = failure;
  if (next.status == status::kDeleting)
    return task == tasks::kRemove ? moved(std::move(next), {removal(kAgain)}) : stale();
  if (task == tasks::kStartInstances) {
    const std::string reason = "Unable to start the endpoint: " + message;
    if (next.pending) return std::optional(roll_back(std::move(next), reason, now));
    return changes_capacity(next) ? capacity_failed(std::move(next), reason, now) : stale();
  }
  // A fleet that cannot get its traffic is no better than one that does not start.
  if (task == tasks::kPublish && next.pending && next.deployment->stage == stages::kPublishing)
    return std::optional(
        roll_back(std::move(next), "Unable to route requests to the new fleet: " + message, now));
  std::vector<engine::Task> work;
  if (task == tasks::kPublish) work.push_back({tasks::kPublish, {}, kAgain});
  if (task == tasks::kRestartServer) restart_again(next, work);
  if (task == tasks::kStop) work = stop_again(next.leaving);
  return work.empty() ? stale() : moved(std::move(next), std::move(work));
}

using Table = engine::Transitions<Endpoint, std::string>;

// A row for an event that changes the endpoint and not only what leaves it.
template <class E>
Table::Row change(std::initializer_list<std::string> from,
                  EndpointOutcome (*apply)(Endpoint, const E&, Timestamp)) {
  return Table::on<E>(from, [apply](Endpoint next, const E& event, Timestamp now) {
    next.modified = now;
    return apply(std::move(next), event, now);
  });
}

const Table& table() {
  static const std::initializer_list<std::string> kAny = {};
  static const std::initializer_list<std::string> kAlive = {status::kCreating, status::kInService,
                                                            status::kUpdating, status::kRollingBack,
                                                            status::kFailed};
  // A deployment is under way.
  static const std::initializer_list<std::string> kDeploying = {status::kCreating,
                                                                status::kUpdating};
  static const Table rows(
      "an endpoint", &Endpoint::status,
      {change(kDeploying, &instances_ready), change(kDeploying, &instances_failed),
       // A rollback whose old instances do not come back is mended by an update, too. A failed
       // endpoint can only be deleted, as the model of the service has it.
       change({status::kInService, status::kRollingBack}, &update_requested),
       change({status::kInService}, &capacity_requested), change(kDeploying, &step_over),
       change(kDeploying, &timed_out), change(kDeploying, &published),
       change(kAlive, &server_exited), change(kAny, &server_unhealthy),
       change(kAlive, &server_ready), change(kAny, &stopped), change(kAlive, &delete_requested),
       change(kAny, &task_failed), Table::on_any<events::Draining>(&draining)});
  return rows;
}

engine::PublishedEvent told(const Endpoint& endpoint, Timestamp now) {
  ValueObject detail;
  detail.append("EndpointName", endpoint.name);
  detail.append("EndpointArn", endpoint.arn);
  ValueList variants;
  if (endpoint.active) {
    detail.append("EndpointConfigName", endpoint.active->config_name);
    for (const Variant& variant : endpoint.active->variants) {
      ValueObject one;
      one.append("DesiredWeight", variant.weight);
      one.append("DesiredInstanceCount", double(variant.instances.size()));
      variants.emplace_back(std::move(one));
    }
  }
  detail.append("ProductionVariants", std::move(variants));
  detail.append("EndpointStatus", upper_snake(endpoint.status));
  if (!endpoint.failure_reason.empty()) detail.append("FailureReason", endpoint.failure_reason);
  detail.append("CreationTime", double(milliseconds_of(endpoint.created)));
  detail.append("LastModifiedTime", double(milliseconds_of(endpoint.modified)));
  return state_change_event(
      {"SageMaker Endpoint State Change", endpoint.account, endpoint.region, endpoint.arn, now},
      std::move(detail));
}

}  // namespace

EndpointStep begin_endpoint(Endpoint endpoint, DeploymentRequest request, Timestamp now) {
  endpoint.created = endpoint.modified = now;
  endpoint.status = status::kCreating;
  return begin_deployment(std::move(endpoint), std::move(request), now);
}

EndpointOutcome endpoint_transition(const Endpoint& endpoint, const engine::Event& event,
                                    Timestamp now) {
  std::optional<EndpointStep> step = TRY(table()(endpoint, event, now));
  if (step && step->next.status != endpoint.status)
    step->published.push_back(told(step->next, now));
  return step;
}

}  // namespace tidemill::services::sagemaker::hosting
