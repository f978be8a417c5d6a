#include "services/sagemaker/hosting/endpoint/deployment_transitions.h"

#include <algorithm>
#include <cmath>

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace tasks = endpoint_tasks;
namespace stages = deployment_stages;
namespace policies = deployment_policies;
namespace status = endpoint_status;

std::int64_t total_instances(const Fleet& fleet) {
  std::int64_t total = 0;
  for (const Variant& variant : fleet.variants) total += std::int64_t(variant.instances.size());
  return total;
}

bool is_rolling(const Endpoint& endpoint) {
  return endpoint.active && endpoint.deployment->policy.type == policies::kRolling;
}

// The number of a variant's instances that a rolling update has started after so many batches.
std::int64_t started_after(const DeploymentPolicy& policy, const Variant& variant,
                           std::int64_t batches) {
  const std::int64_t all = std::int64_t(variant.instances.size());
  return std::min(all, batches * policy.step_of(all));
}

// The task that starts the next instances: all of them, or a rolling update's next batch.
engine::Task start_next(const Endpoint& endpoint) {
  const Deployment& deployment = *endpoint.deployment;
  InstancesRef ref{endpoint.pending->id, {}, deployment.step, {}};
  if (!is_rolling(endpoint)) {
    ref.instances = all_instances(*endpoint.pending);
  } else {
    const auto& variants = endpoint.pending->variants;
    for (std::size_t v = 0; v < variants.size(); ++v)
      for (std::int64_t i = started_after(deployment.policy, variants[v], deployment.step);
           i < started_after(deployment.policy, variants[v], deployment.step + 1); ++i)
        ref.instances.push_back({std::int64_t(v), i});
  }
  return {tasks::kStartInstances, to_value(ref)};
}

// The new fleet's share of the traffic after the step that is being made.
double next_traffic(const Endpoint& endpoint) {
  const Deployment& deployment = *endpoint.deployment;
  const DeploymentPolicy& policy = deployment.policy;
  const double all = double(std::max<std::int64_t>(1, total_instances(*endpoint.pending)));
  const double size = policy.size_in_percent ? double(policy.size) / 100.0
                                             : std::min(1.0, double(policy.size) / all);
  if (policy.type == policies::kCanary) return deployment.traffic == 0 ? size : 1.0;
  // Ten steps of ten percent are the whole, whatever their sum in binary is.
  if (policy.type == policies::kLinear) return std::min(1.0, deployment.traffic + size + 1e-9);
  if (policy.type != policies::kRolling) return 1.0;
  std::int64_t started = 0;
  for (const Variant& variant : endpoint.pending->variants)
    started += started_after(policy, variant, deployment.step + 1);
  return double(started) / all;
}

// Instances of the old fleet that make room for a rolling update's, from the front.
std::int64_t retired_at(const Variant& variant, double traffic) {
  return std::int64_t(std::floor(double(variant.instances.size()) * traffic));
}

// They get no more requests from the next publication on, and end when theirs are done.
std::optional<engine::Task> retire(Endpoint& next, double before, double after) {
  LeavingInstances stop{"", *next.active, {}, false};
  for (std::size_t v = 0; v < next.active->variants.size(); ++v) {
    Variant& variant = next.active->variants[v];
    for (std::int64_t i = retired_at(variant, before); i < retired_at(variant, after); ++i) {
      stop.instances.push_back({std::int64_t(v), i});
      for (Server& server : variant.instances[std::size_t(i)].servers) server.ready = false;
    }
  }
  if (stop.instances.empty()) return std::nullopt;
  return leave(next, std::move(stop), kDrainSeconds);
}

// Every instance that the step asked for is there.
bool step_is_ready(const Endpoint& endpoint) {
  if (!endpoint.active || !is_rolling(endpoint)) return all_ready(*endpoint.pending);
  const Deployment& deployment = *endpoint.deployment;
  for (const Variant& variant : endpoint.pending->variants)
    for (std::int64_t i = 0; i < started_after(deployment.policy, variant, deployment.step + 1);
         ++i)
      if (!variant.instances[std::size_t(i)].ready()) return false;
  return true;
}

EndpointStep complete(Endpoint next, Timestamp now) {
  std::vector<engine::Task> work;
  const DeploymentPolicy policy = next.deployment->policy;
  if (next.active) {
    work.push_back({tasks::kPublish});
    work.push_back(leave(next, {"", *next.active, {}, true},
                         std::max<std::int64_t>(kDrainSeconds, policy.termination_wait_seconds)));
  }
  note(next, "completed", now);
  work.push_back(record_task(next, "Succeeded", "", now));
  next.active = std::move(next.pending);
  next.pending.reset();
  next.deployment.reset();
  next.last_policy = policy;
  next.status = status::kInService;
  next.failure_reason.clear();
  return {std::move(next), std::move(work)};
}

// Brings the instances back that a rolling update had retired. True when some have to start.
bool restart_retired(Endpoint& next, std::vector<engine::Task>& work) {
  bool waits = false;
  for (std::size_t v = 0; v < next.active->variants.size(); ++v) {
    Variant& variant = next.active->variants[v];
    for (std::int64_t i = 0; i < retired_at(variant, next.deployment->traffic); ++i) {
      auto& servers = variant.instances[std::size_t(i)].servers;
      for (std::size_t c = 0; c < servers.size(); ++c) {
        if (servers[c].ready) continue;
        servers[c].ready = variant.containers[c].native();
        if (servers[c].ready) continue;
        ++servers[c].attempt;
        const ServerRef ref{
            next.active->id, std::int64_t(v), i, std::int64_t(c), servers[c].attempt, 0, {}};
        work.push_back({tasks::kRestartServer, to_value(ref)});
        waits = true;
      }
    }
  }
  return waits;
}

}  // namespace

void note(Endpoint& next, std::string what, Timestamp now) {
  Deployment& deployment = *next.deployment;
  if (deployment.steps.size() >= kDeploymentStepsMax) return;
  deployment.steps.push_back({now, std::move(what), deployment.traffic * 100});
}

engine::Task record_task(Endpoint& next, std::string result, std::string reason,
                         std::optional<Timestamp> ended) {
  DeploymentRecord record{next.account,      next.region,       next.name, *next.deployment,
                          std::move(result), std::move(reason), ended};
  engine::Task task{tasks::kRecord, to_value(record)};
  if (ended) next.last_deployment = std::move(record);
  return task;
}

bool is_retired(const Endpoint& endpoint, const ServerRef& ref) {
  if (!endpoint.deployment || !endpoint.pending || !is_rolling(endpoint)) return false;
  const Variant& variant = endpoint.active->variants.at(std::size_t(ref.variant));
  return ref.instance < retired_at(variant, endpoint.deployment->traffic);
}

EndpointStep begin_deployment(Endpoint next, DeploymentRequest request, Timestamp now) {
  next.pending = std::move(request.fleet);
  next.deployment = std::move(request.deployment);
  Deployment& deployment = *next.deployment;
  deployment.id = next.pending->id;
  deployment.config_name = next.pending->config_name;
  if (next.active) deployment.previous_config_name = next.active->config_name;
  deployment.started = deployment.stage_started = now;
  deployment.stage = stages::kCreating;
  next.failure_reason.clear();
  note(next, "started", now);
  std::vector<engine::Task> work = {start_next(next), record_task(next, "InProgress", "", {})};
  if (deployment.policy.time_max_seconds > 0)
    work.push_back({tasks::kTimeOut, to_value(InstancesRef{deployment.id, {}, 0, {}}),
                    std::chrono::seconds(deployment.policy.time_max_seconds)});
  return {std::move(next), std::move(work)};
}

EndpointStep pending_ready(Endpoint next, const Fleet& fleet, Timestamp now) {
  merge_servers(*next.pending, fleet);
  if (!step_is_ready(next))
    return roll_back(std::move(next),
                     "A model server of the new fleet ended while others were being started.", now);
  const double before = next.deployment->traffic, after = next.active ? next_traffic(next) : 1;
  std::vector<engine::Task> work = {{tasks::kPublish}};
  if (next.active && is_rolling(next) && after < 1)
    if (auto stop = retire(next, before, after)) work.push_back(std::move(*stop));
  Deployment& deployment = *next.deployment;
  deployment.traffic = after;
  ++deployment.step;
  deployment.stage = stages::kPublishing;
  deployment.stage_started = now;
  if (next.active) note(next, "traffic", now);
  return {std::move(next), std::move(work)};
}

EndpointStep traffic_shifted(Endpoint next, Timestamp now) {
  Deployment& deployment = *next.deployment;
  if (deployment.traffic >= 1 && (!next.active || deployment.policy.wait_seconds == 0))
    return complete(std::move(next), now);
  deployment.stage = stages::kBaking;
  deployment.stage_started = now;
  std::vector<engine::Task> work = {{tasks::kAdvance,
                                     to_value(InstancesRef{deployment.id, {}, deployment.step, {}}),
                                     std::chrono::seconds(deployment.policy.wait_seconds)}};
  return {std::move(next), std::move(work)};
}

EndpointOutcome advance(Endpoint next, const InstancesRef& ref, Timestamp now) {
  if (!next.pending || !next.deployment || next.pending->id != ref.fleet) return stale();
  if (next.deployment->step != ref.step || next.deployment->stage != stages::kBaking)
    return stale();
  if (next.deployment->traffic >= 1) return std::optional(complete(std::move(next), now));
  if (!is_rolling(next)) {
    const Fleet fleet = *next.pending;
    return std::optional(pending_ready(std::move(next), fleet, now));
  }
  next.deployment->stage = stages::kCreating;
  next.deployment->stage_started = now;
  std::vector<engine::Task> work = {start_next(next)};
  return std::optional(EndpointStep{std::move(next), std::move(work)});
}

EndpointStep roll_back(Endpoint next, std::string reason, Timestamp now) {
  std::vector<engine::Task> work;
  reason = cut_reason(std::move(reason));
  const bool had_traffic = next.deployment->traffic > 0;
  next.failed_config = next.pending->config_name;
  next.failure_reason = reason;
  if (had_traffic) work.push_back({tasks::kPublish});
  if (!next.active) {
    next.status = status::kFailed;
  } else {
    const bool waits = is_rolling(next) && restart_retired(next, work);
    next.status = waits ? status::kRollingBack : status::kInService;
  }
  work.push_back(leave(next, {"", *next.pending, {}, true}, had_traffic ? kDrainSeconds : 0));
  next.deployment->traffic = 0;
  note(next, next.active ? "rolled back" : "failed", now);
  work.push_back(record_task(next, next.active ? "RolledBack" : "Failed", reason, now));
  next.pending.reset();
  next.deployment.reset();
  return {std::move(next), std::move(work)};
}

}  // namespace tidemill::services::sagemaker::hosting
