#include "services/sagemaker/hosting/inference_component/transitions.h"

#include <algorithm>

#include "engine/transitions.h"
#include "services/sagemaker/hosting/inference_component/copies.h"
#include "services/sagemaker/hosting/inference_component/events.h"

namespace tidemill::services::sagemaker::hosting {
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

// Tasks run side by side: one that began earlier may end later, and its result does not count for
// what the record has become since.
engine::Task publication(InferenceComponent& next, std::chrono::seconds delay = {}) {
  return {tasks::kPublish, Value(++next.publications), delay};
}

constexpr const char* kEndedWhileStarting = "A copy ended while others were being started.";

engine::Task timer(const char* type, const InferenceComponent& next, std::int64_t seconds) {
  return {type, to_value(InstancesRef{next.pending->id, {}, next.rollout->step, {}}),
          std::chrono::seconds(seconds)};
}

// The copies up to here are ready when the next batch is.
std::int64_t batch_end(const InferenceComponent& next) {
  const std::int64_t all = count_of(*next.pending);
  const std::int64_t ready = next.pending->variants.front().ready_instances();
  return next.rollout->batch > 0 ? std::min(all, ready + next.rollout->batch) : all;
}

Work start_batch(InferenceComponent& next) {
  next.rollout->stage = stages::kStarting;
  InstancesRef ref{next.pending->id, {}, ++next.rollout->step, {}};
  const std::int64_t end = batch_end(next);
  for (std::int64_t i = next.pending->variants.front().ready_instances(); i < end; ++i)
    ref.instances.push_back({0, i});
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

// Ends as many copies of the old specification as new ones have come, in proportion.
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
  if (!retired.empty())
    work.push_back(leave(next, copies_leave(before, std::move(retired)), kDrainSeconds));
}

Outcome complete(InferenceComponent next) {
  Work work;
  if (next.active) work.push_back(leave(next, fleet_leaves(*next.active), kDrainSeconds));
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
    work.push_back(publication(next));
    next.copies = count_of(*next.active);
  } else {
    if (had_requests) work.push_back(publication(next));
    next.status = status::kFailed;
    next.specification = std::move(*next.next_specification);
  }
  work.push_back(leave(next, fleet_leaves(*next.pending), had_requests ? kDrainSeconds : 0));
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
  Work work = {publication(next)};
  if (!lost.empty()) work.push_back(leave(next, copies_leave(*next.active, std::move(lost)), 0));
  resize(next, keep);
  next.copies = keep;
  return moved(std::move(next), std::move(work));
}

Outcome copies_ready(InferenceComponent next, const events::CopiesReady& fleet) {
  if (next.pending && next.pending->id == fleet.id) {
    if (next.rollout->stage != stages::kStarting) return stale();
    const std::int64_t end = batch_end(next);
    merge_servers(*next.pending, fleet);
    if (next.pending->variants.front().ready_instances() < end)
      return roll_back(std::move(next), kEndedWhileStarting);
    next.rollout->stage = stages::kPublishing;
    Work work = {publication(next)};
    retire(next, work);
    return moved(std::move(next), std::move(work));
  }
  if (!changes_copies(next) || next.active->id != fleet.id) return stale();
  merge_servers(*next.active, fleet);
  if (std::vector<InstanceIndex> lost = from_first_starting(*next.active); !lost.empty()) {
    const InstancesRef ref{next.active->id, std::move(lost), 0, kEndedWhileStarting};
    return copies_lost(std::move(next), ref);
  }
  Work work = {publication(next)};
  return moved(std::move(next), std::move(work));
}

Outcome fleet_failed(InferenceComponent next, const InstancesRef& ref) {
  if (next.pending && next.pending->id == ref.fleet) return roll_back(std::move(next), ref.reason);
  if (changes_copies(next) && next.active->id == ref.fleet)
    return copies_lost(std::move(next), ref);
  return stale();
}

Outcome copies_failed(InferenceComponent next, const events::CopiesFailed& ref) {
  return fleet_failed(std::move(next), ref);
}

// Requests reach what the record says.
Outcome published(InferenceComponent next, const events::Published& publication) {
  if (publication.number != next.publications) return stale();
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

Outcome advance(InferenceComponent next, const events::Advance& ref) {
  if (!next.pending || next.pending->id != ref.fleet || next.rollout->stage != stages::kBaking ||
      next.rollout->step != ref.step)
    return stale();
  return go_on(std::move(next));
}

Outcome timed_out(InferenceComponent next, const events::TimeOut& ref) {
  if (!next.pending || next.pending->id != ref.fleet) return stale();
  const std::string limit = std::to_string(next.rollout->time_max_seconds);
  return roll_back(
      std::move(next),
      "The update took longer than its MaximumExecutionTimeoutInSeconds, " + limit + ".");
}

Outcome update_requested(InferenceComponent next, const events::UpdateRequested& update) {
  next.status = status::kUpdating;
  Work work = begin(next, update);
  return moved(std::move(next), std::move(work));
}

Outcome copies_requested(InferenceComponent next, const events::CopiesRequested& wanted) {
  if (!next.active) return stale();
  const std::int64_t count = wanted.copies;
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
    work.push_back(publication(next));
  else
    work.push_back({tasks::kStartCopies, to_value(starting)});
  std::vector<InstanceIndex> gone;
  for (std::int64_t i = count; i < had; ++i) gone.push_back({0, i});
  if (!gone.empty())
    work.push_back(leave(next, copies_leave(before, std::move(gone)), kDrainSeconds));
  return moved(std::move(next), std::move(work));
}

Outcome server_down(InferenceComponent next, ServerRef ref) {
  // A copy that is started for the first time ended: the task that starts it may not have seen the
  // exit, and must not take the copy for one that runs.
  for (std::optional<Fleet>* fleet : {&next.pending, &next.active}) {
    Server* server = *fleet ? find_server(**fleet, ref) : nullptr;
    if (!server || !server->starting) continue;
    ++server->attempt;
    return moved(std::move(next));
  }
  if (next.pending) {
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
  Work work = {publication(next), restart(ref)};
  return moved(std::move(next), std::move(work));
}

Outcome server_exited(InferenceComponent next, const events::ServerExited& ref) {
  return server_down(std::move(next), ref);
}

// A start that was to bring a copy back has failed: it is tried again later.
Outcome restart_failed(InferenceComponent next, const events::RestartFailed& of) {
  Server* server = next.active ? find_server(*next.active, of) : nullptr;
  if (!server) return stale();
  ServerRef ref = of;
  ref.attempt = ++server->attempt;
  ref.reason.clear();
  return moved(std::move(next), {restart(ref)});
}

Outcome server_ready(InferenceComponent next, const events::ServerReady& ref) {
  Server* server = next.active ? find_server(*next.active, ref) : nullptr;
  if (!server) return stale();
  server->ready = true;
  server->port = ref.port;
  Work work = {publication(next)};
  return moved(std::move(next), std::move(work));
}

Outcome stopped(InferenceComponent next, const events::Stopped& ref) {
  return forget(next.leaving, ref) ? moved(std::move(next)) : stale();
}

// Requests are under way on what is to be stopped: another look later.
Outcome draining(InferenceComponent next, const events::Draining& ref) {
  auto look = look_again(next.leaving, next.status == status::kDeleting, ref);
  return look ? moved(std::move(next), {*std::move(look)}) : stale();
}

Outcome delete_requested(InferenceComponent next, const events::DeleteRequested&) {
  next.status = status::kDeleting;
  next.deleting_since = next.modified;
  return moved(std::move(next), {removal()});
}

// Takes the server out of service like one that ended, and ends it.
Outcome server_unhealthy(InferenceComponent next, const events::ServerUnhealthy& ref) {
  std::optional<ComponentStep> step = TRY(server_down(std::move(next), ref));
  if (step)
    step->tasks.push_back({tasks::kEndServer, to_value(static_cast<const ServerRef&>(ref))});
  return step;
}

Outcome start_given_up(InferenceComponent next, const std::string& message) {
  InstancesRef ref;
  ref.reason = "Unable to start the inference component: " + message;
  if (next.pending) {
    ref.fleet = next.pending->id;
  } else if (next.active) {
    ref.fleet = next.active->id;
    for (const InstanceIndex& at : all_instances(*next.active))
      if (!copies_of(*next.active)[std::size_t(at.instance)].ready()) ref.instances.push_back(at);
  }
  return fleet_failed(std::move(next), ref);
}

// The engine gave up on a task. What must happen sooner or later is asked for again.
Outcome task_failed(InferenceComponent next, const engine::TaskFailure& failure) {
  const std::string& task = failure.task;
  if (next.status == status::kDeleting)
    return task == tasks::kRemove ? moved(std::move(next), {removal(kAgain)}) : stale();
  if (task == tasks::kStartCopies) return start_given_up(std::move(next), failure.message);
  Work work;
  if (task == tasks::kPublish) work.push_back(publication(next, kAgain));
  if (task == tasks::kRestartServer) work = restart_again(next);
  if (task == tasks::kStop) work = stop_again(next.leaving);
  return work.empty() ? stale() : moved(std::move(next), std::move(work));
}

using Table = engine::Transitions<InferenceComponent, std::string>;

// A row for an event that changes the component and not only what leaves it.
template <class E>
Table::Row change(std::initializer_list<std::string> from,
                  Outcome (*apply)(InferenceComponent, const E&)) {
  return Table::on<E>(from, [apply](InferenceComponent next, const E& event, Timestamp now) {
    next.modified = now;
    return apply(std::move(next), event);
  });
}

const Table& table() {
  static const std::initializer_list<std::string> kAny = {};
  static const std::initializer_list<std::string> kAlive = {status::kCreating, status::kInService,
                                                            status::kUpdating, status::kFailed};
  static const std::initializer_list<std::string> kChanging = {status::kCreating,
                                                               status::kUpdating};
  static const Table rows(
      "an inference component", &InferenceComponent::status,
      {change(kChanging, &copies_ready), change(kChanging, &copies_failed),
       change(kChanging, &published), change(kChanging, &advance), change(kChanging, &timed_out),
       change({status::kInService, status::kFailed}, &update_requested),
       change({status::kInService}, &copies_requested), change(kAlive, &server_exited),
       change(kAlive, &server_unhealthy), change(kAlive, &restart_failed),
       change(kAlive, &server_ready), change(kAny, &stopped), change(kAlive, &delete_requested),
       change(kAny, &task_failed),
       Table::on_any<events::Draining>(
           [](InferenceComponent next, const events::Draining& event, Timestamp) {
             return draining(std::move(next), event);
           })});
  return rows;
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
  return table()(component, event, now);
}

}  // namespace tidemill::services::sagemaker::hosting
