#include "services/sagemaker/inference_component/transitions.h"

#include <algorithm>

namespace tidemill::services::sagemaker {
namespace {

namespace events = component_events;
namespace tasks = component_tasks;
namespace stages = rollout_stages;
namespace status = component_status;

using ComponentStep = engine::Step<InferenceComponent>;
using Outcome = Result<std::optional<ComponentStep>>;
using Work = std::vector<engine::Task>;

Outcome stale() { return std::optional<ComponentStep>(); }
Outcome moved(InferenceComponent next, Work work = {}) {
  return std::optional(ComponentStep{std::move(next), std::move(work)});
}

template <class T>
Result<T> payload(const engine::Event& event) {
  T out{};
  TRY(from_value(event.payload, out));
  return out;
}

std::vector<Instance>& copies_of(Fleet& fleet) { return fleet.variants.front().instances; }
std::int64_t count_of(const Fleet& fleet) { return std::ssize(fleet.variants.front().instances); }

// These copies, or the whole fleet, are stopped after the delay.
engine::Task leave(InferenceComponent& next, const Fleet& fleet,
                   std::vector<InstanceIndex> instances, int delay_seconds) {
  Leaving leaving{next.leaving_next++, fleet, std::move(instances),
                  next.modified + std::chrono::seconds(delay_seconds)};
  engine::Task task{tasks::kStopCopies, to_value(leaving), std::chrono::seconds(delay_seconds)};
  next.leaving.push_back(std::move(leaving));
  return task;
}

// New copies get attempts that no copy in their place has had: that one may be ending still.
void resize(InferenceComponent& next, std::int64_t count) {
  const std::int64_t had = count_of(*next.active);
  std::vector<Instance>& copies = copies_of(*next.active);
  for (std::int64_t i = count; i < had; ++i)
    for (const Server& server : copies[std::size_t(i)].servers)
      next.attempt_first = std::max(next.attempt_first, server.attempt + 1);
  next.active->variants.front().resize(count);
  for (std::int64_t i = had; i < count; ++i)
    for (Server& server : copies[std::size_t(i)].servers) server.attempt = next.attempt_first;
}

engine::Task timer(const char* type, const InferenceComponent& next, std::int64_t seconds) {
  return {type, to_value(InstancesRef{next.pending->id, {}, next.rollout->step, {}}),
          std::chrono::seconds(seconds)};
}

Work start_batch(InferenceComponent& next) {
  next.rollout->stage = stages::kStarting;
  InstancesRef ref{next.pending->id, {}, ++next.rollout->step, {}};
  const std::int64_t all = count_of(*next.pending);
  const std::int64_t ready = next.pending->variants.front().ready_instances();
  const std::int64_t end =
      next.rollout->batch > 0 ? std::min(all, ready + next.rollout->batch) : all;
  for (std::int64_t i = ready; i < end; ++i) ref.instances.push_back({0, i});
  return {{tasks::kStartCopies, to_value(ref)}};
}

Work begin(InferenceComponent& next, ComponentUpdate request) {
  next.pending = std::move(request.fleet);
  next.next_specification = std::move(request.specification);
  next.rollout = std::move(request.rollout);
  if (request.deployment) next.last_deployment = std::move(request.deployment);
  next.copies = count_of(*next.pending);
  next.failure_reason.clear();
  Work work = start_batch(next);
  if (next.rollout->time_max_seconds > 0)
    work.push_back(timer(tasks::kTimeOut, next, next.rollout->time_max_seconds));
  return work;
}

// As many copies of the old specification end as new ones have come, in proportion.
void retire(InferenceComponent& next, Work& work) {
  if (!next.active) return;
  const std::int64_t had = count_of(*next.active), all = count_of(*next.pending);
  const std::int64_t ready = next.pending->variants.front().ready_instances();
  const std::int64_t until = ready < all ? had * ready / all : had;
  std::vector<InstanceIndex> retired;
  const Fleet before = *next.active;
  for (std::int64_t i = next.rollout->retired; i < until; ++i) {
    retired.push_back({0, i});
    for (Server& server : copies_of(*next.active)[std::size_t(i)].servers) server.ready = false;
  }
  next.rollout->retired = until;
  if (!retired.empty()) work.push_back(leave(next, before, std::move(retired), kCopyDrainSeconds));
}

Outcome complete(InferenceComponent next) {
  Work work;
  if (next.active) work.push_back(leave(next, *next.active, {}, kCopyDrainSeconds));
  next.active = std::move(next.pending);
  next.specification = std::move(*next.next_specification);
  next.pending.reset();
  next.next_specification.reset();
  next.rollout.reset();
  next.attempt_first = 0;
  next.status = status::kInService;
  return moved(std::move(next), std::move(work));
}

Outcome go_on(InferenceComponent next) {
  if (all_ready(*next.pending)) return complete(std::move(next));
  Work work = start_batch(next);
  return moved(std::move(next), std::move(work));
}

// Copies that had made room come back.
void bring_back(InferenceComponent& next, Work& work) {
  const Variant& variant = next.active->variants.front();
  for (std::int64_t i = 0; i < next.rollout->retired; ++i) {
    std::vector<Server>& servers = copies_of(*next.active)[std::size_t(i)].servers;
    for (std::size_t c = 0; c < servers.size(); ++c) {
      servers[c].ready = variant.containers[c].native();
      if (servers[c].ready) continue;
      const ServerRef ref{next.active->id, 0, i, std::int64_t(c), ++servers[c].attempt, 0, {}};
      work.push_back({tasks::kRestartServer, to_value(ref)});
    }
  }
}

// The pending fleet has failed: the active one goes on, without one the component has failed.
Outcome roll_back(InferenceComponent next, std::string reason) {
  Work work;
  next.failure_reason = cut_reason(std::move(reason));
  const bool had_requests = next.pending->variants.front().ready_instances() > 0;
  if (next.active) {
    next.status = status::kUpdating;  // until all of its copies answer again
    bring_back(next, work);
    work.push_back({tasks::kPublish});
    next.copies = count_of(*next.active);
  } else {
    if (had_requests) work.push_back({tasks::kPublish});
    next.status = status::kFailed;
    next.specification = std::move(*next.next_specification);
  }
  work.push_back(leave(next, *next.pending, {}, had_requests ? kCopyDrainSeconds : 0));
  next.pending.reset();
  next.next_specification.reset();
  next.rollout.reset();
  return moved(std::move(next), std::move(work));
}

bool changes_copies(const InferenceComponent& component) {
  return component.status == status::kUpdating && component.active && !component.pending;
}

// New copies do not come up: there are as many as before.
Outcome copies_lost(InferenceComponent next, const InstancesRef& ref) {
  next.failure_reason = cut_reason(ref.reason);
  std::int64_t keep = count_of(*next.active);
  std::vector<InstanceIndex> lost;
  for (const InstanceIndex& at : ref.instances) {
    if (at.instance >= count_of(*next.active)) continue;
    keep = std::min(keep, at.instance);
    lost.push_back(at);
  }
  Work work = {{tasks::kPublish}};
  if (!lost.empty()) work.push_back(leave(next, *next.active, std::move(lost), 0));
  resize(next, keep);
  next.copies = keep;
  return moved(std::move(next), std::move(work));
}

Outcome copies_ready(InferenceComponent next, const engine::Event& event) {
  const Fleet fleet = TRY(payload<Fleet>(event));
  if (next.status == status::kDeleting) return stale();
  if (next.pending && next.pending->id == fleet.id) {
    if (next.rollout->stage != stages::kStarting) return stale();
    merge_servers(*next.pending, fleet);
    next.rollout->stage = stages::kPublishing;
    Work work = {{tasks::kPublish}};
    retire(next, work);
    return moved(std::move(next), std::move(work));
  }
  if (!changes_copies(next) || next.active->id != fleet.id) return stale();
  merge_servers(*next.active, fleet);
  return moved(std::move(next), {{tasks::kPublish}});
}

Outcome copies_failed(InferenceComponent next, const InstancesRef& ref) {
  if (next.status == status::kDeleting) return stale();
  if (next.pending && next.pending->id == ref.fleet) return roll_back(std::move(next), ref.reason);
  if (changes_copies(next) && next.active->id == ref.fleet)
    return copies_lost(std::move(next), ref);
  return stale();
}

// Requests reach what the record says.
Outcome published(InferenceComponent next) {
  if (next.status == status::kDeleting) return stale();
  if (next.pending) {
    if (next.rollout->stage != stages::kPublishing) return stale();
    if (next.rollout->wait_seconds == 0 || !next.active) return go_on(std::move(next));
    next.rollout->stage = stages::kBaking;
    ++next.rollout->step;
    Work work = {timer(tasks::kAdvance, next, next.rollout->wait_seconds)};
    return moved(std::move(next), std::move(work));
  }
  if (!changes_copies(next) || !all_ready(*next.active)) return stale();
  next.status = status::kInService;
  return moved(std::move(next));
}

Outcome advance(InferenceComponent next, const InstancesRef& ref) {
  if (next.status == status::kDeleting || !next.pending || next.pending->id != ref.fleet ||
      next.rollout->stage != stages::kBaking || next.rollout->step != ref.step)
    return stale();
  return go_on(std::move(next));
}

Outcome timed_out(InferenceComponent next, const InstancesRef& ref) {
  if (next.status == status::kDeleting || !next.pending || next.pending->id != ref.fleet)
    return stale();
  const std::string limit = std::to_string(next.rollout->time_max_seconds);
  return roll_back(
      std::move(next),
      "The update took longer than its MaximumExecutionTimeoutInSeconds, " + limit + ".");
}

Outcome update_requested(InferenceComponent next, const engine::Event& event) {
  if (next.status != status::kInService && next.status != status::kFailed) return stale();
  next.status = status::kUpdating;
  Work work = begin(next, TRY(payload<ComponentUpdate>(event)));
  return moved(std::move(next), std::move(work));
}

Outcome copies_requested(InferenceComponent next, const engine::Event& event) {
  const std::int64_t count = TRY(payload<std::int64_t>(event));
  if (next.status != status::kInService || !next.active) return stale();
  const Fleet before = *next.active;
  const std::int64_t had = count_of(before);
  resize(next, count);
  next.copies = count;
  next.status = status::kUpdating;
  next.failure_reason.clear();
  Work work;
  InstancesRef starting{before.id, {}, 0, {}};
  for (std::int64_t i = had; i < count; ++i) starting.instances.push_back({0, i});
  if (starting.instances.empty())
    work.push_back({tasks::kPublish});
  else
    work.push_back({tasks::kStartCopies, to_value(starting)});
  std::vector<InstanceIndex> gone;
  for (std::int64_t i = count; i < had; ++i) gone.push_back({0, i});
  if (!gone.empty()) work.push_back(leave(next, before, std::move(gone), kCopyDrainSeconds));
  return moved(std::move(next), std::move(work));
}

Outcome server_exited(InferenceComponent next, ServerRef ref) {
  if (next.status == status::kDeleting) return stale();
  if (next.pending) {
    // While it is being started, whoever waits for it sees the exit itself.
    const Server* server = find_server(*next.pending, ref);
    if (server && server->ready)
      return roll_back(std::move(next), "A copy of inference component " + next.name +
                                            " ended while it was being deployed: " + ref.reason);
  }
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server || !server->ready) return stale();
  server->ready = false;
  ref.attempt = ++server->attempt;
  ref.reason.clear();
  return moved(std::move(next), {{tasks::kPublish},
                                 {tasks::kRestartServer, to_value(ref),
                                  std::chrono::seconds(restart_delay_seconds(ref.attempt))}});
}

// A start that was to bring a copy back has failed: it is tried again later.
Outcome restart_failed(InferenceComponent next, ServerRef ref) {
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server || next.status == status::kDeleting) return stale();
  ref.attempt = ++server->attempt;
  ref.reason.clear();
  return moved(std::move(next), {{tasks::kRestartServer, to_value(ref),
                                  std::chrono::seconds(restart_delay_seconds(ref.attempt))}});
}

Outcome server_ready(InferenceComponent next, const ServerRef& ref) {
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server || next.status == status::kDeleting) return stale();
  server->ready = true;
  server->port = ref.port;
  return moved(std::move(next), {{tasks::kPublish}});
}

Outcome stopped(InferenceComponent next, const engine::Event& event) {
  const std::int64_t id = TRY(payload<Leaving>(event)).id;
  if (std::erase_if(next.leaving, [&](const Leaving& each) { return each.id == id; }) == 0)
    return stale();
  return moved(std::move(next));
}

// Requests are under way on what is to be stopped: another look later.
Outcome draining(InferenceComponent next, Leaving leaving) {
  const bool everything = leaving.id == kEverythingLeaves;
  if (everything ? next.status != status::kDeleting
                 : std::ranges::find(next.leaving, leaving.id, &Leaving::id) == next.leaving.end())
    return stale();
  const std::chrono::seconds later(std::min<std::int64_t>(++leaving.looks, kDrainLookSecondsMax));
  return moved(std::move(next),
               {{everything ? tasks::kRemove : tasks::kStopCopies, to_value(leaving), later}});
}

Outcome delete_requested(InferenceComponent next) {
  if (next.status == status::kDeleting) return stale();
  next.status = status::kDeleting;
  return moved(std::move(next), {{tasks::kRemove, to_value(Leaving{kEverythingLeaves})}});
}

// It is taken out of service as one that ended, and ended.
Outcome server_unhealthy(InferenceComponent next, const ServerRef& ref) {
  std::optional<ComponentStep> step = TRY(server_exited(std::move(next), ref));
  if (step) step->tasks.push_back({tasks::kEndServer, to_value(ref)});
  return step;
}

// The engine gave up on a task.
Outcome task_failed(InferenceComponent next, const engine::Event& event) {
  const Value* task = event.payload.find("task");
  const Value* message = event.payload.find("message");
  if (!task || !task->as_string() || *task->as_string() != tasks::kStartCopies) return stale();
  InstancesRef ref;
  ref.reason = "Unable to start the inference component: " +
               (message && message->as_string() ? *message->as_string() : "");
  if (next.pending) {
    ref.fleet = next.pending->id;
  } else if (next.active) {
    ref.fleet = next.active->id;
    for (const InstanceIndex& at : all_instances(*next.active))
      if (!copies_of(*next.active)[std::size_t(at.instance)].ready()) ref.instances.push_back(at);
  }
  return copies_failed(std::move(next), ref);
}

}  // namespace

ComponentStep begin_component(InferenceComponent component, ComponentUpdate request,
                              Timestamp now) {
  component.created = component.modified = now;
  component.status = status::kCreating;
  Work work = begin(component, std::move(request));
  return {std::move(component), std::move(work)};
}

ComponentStep refuse_component(InferenceComponent component, ComponentUpdate request,
                               std::string reason, Timestamp now) {
  component.created = component.modified = now;
  component.status = status::kFailed;
  component.failure_reason = cut_reason(std::move(reason));
  component.specification = std::move(request.specification);
  component.copies = count_of(request.fleet);
  return {std::move(component), {}};
}

Outcome component_transition(const InferenceComponent& component, const engine::Event& event,
                             Timestamp now) {
  InferenceComponent next = component;
  if (event.type == events::kDraining)
    return draining(std::move(next), TRY(payload<Leaving>(event)));
  next.modified = now;
  if (event.type == events::kCopiesReady) return copies_ready(std::move(next), event);
  if (event.type == events::kCopiesFailed)
    return copies_failed(std::move(next), TRY(payload<InstancesRef>(event)));
  if (event.type == events::kPublished) return published(std::move(next));
  if (event.type == events::kAdvance)
    return advance(std::move(next), TRY(payload<InstancesRef>(event)));
  if (event.type == events::kTimeOut)
    return timed_out(std::move(next), TRY(payload<InstancesRef>(event)));
  if (event.type == events::kStopped) return stopped(std::move(next), event);
  if (event.type == events::kUpdateRequested) return update_requested(std::move(next), event);
  if (event.type == events::kCopiesRequested) return copies_requested(std::move(next), event);
  if (event.type == events::kServerExited)
    return server_exited(std::move(next), TRY(payload<ServerRef>(event)));
  if (event.type == events::kServerUnhealthy)
    return server_unhealthy(std::move(next), TRY(payload<ServerRef>(event)));
  if (event.type == events::kRestartFailed)
    return restart_failed(std::move(next), TRY(payload<ServerRef>(event)));
  if (event.type == events::kServerReady)
    return server_ready(std::move(next), TRY(payload<ServerRef>(event)));
  if (event.type == events::kDeleteRequested) return delete_requested(std::move(next));
  if (event.type == events::kTaskFailed) return task_failed(std::move(next), event);
  return stale();
}

}  // namespace tidemill::services::sagemaker
