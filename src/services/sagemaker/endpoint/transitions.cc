#include "services/sagemaker/endpoint/transitions.h"

#include <algorithm>

namespace tidemill::services::sagemaker {
namespace {

namespace events = endpoint_events;
namespace tasks = endpoint_tasks;
using Outcome = Result<std::optional<engine::Step<Endpoint>>>;

constexpr const char* kInService = "InService";
constexpr const char* kFailed = "Failed";
constexpr const char* kUpdating = "Updating";
constexpr const char* kDeleting = "Deleting";

Outcome stale() { return std::optional<engine::Step<Endpoint>>(); }

template <class T>
Result<T> payload(const engine::Event& event) {
  T out{};
  TRY(from_value(event.payload, out));
  return out;
}

engine::Task start_fleet(const Fleet& fleet) {
  InstanceRef ref;
  ref.fleet = fleet.id;
  return {tasks::kStartFleet, to_value(ref)};
}

engine::Task stop_fleet(const Fleet& fleet, int delay_seconds) {
  return {tasks::kStopFleet, to_value(fleet), std::chrono::seconds(delay_seconds)};
}

Outcome fleet_ready(Endpoint next, const engine::Event& event) {
  Fleet fleet = TRY(payload<Fleet>(event));
  if (!next.pending || next.pending->id != fleet.id || next.status == kDeleting) return stale();
  std::vector<engine::Task> work = {{tasks::kPublish}};
  if (next.active) work.push_back(stop_fleet(*next.active, kDrainSeconds));
  next.active = std::move(fleet);
  next.pending.reset();
  next.status = kInService;
  next.failure_reason.clear();
  return std::optional(engine::Step<Endpoint>{std::move(next), std::move(work)});
}

// The endpoint goes on with the fleet it had; without one it has failed.
Outcome fleet_failed(Endpoint next, const std::string& fleet, std::string reason) {
  if (!next.pending || next.pending->id != fleet || next.status == kDeleting) return stale();
  std::vector<engine::Task> work = {stop_fleet(*next.pending, 0)};
  const std::string config = next.pending->config_name;
  next.pending.reset();
  next.status = next.active ? kInService : kFailed;
  next.failed_config = config;
  if (reason.size() > kFailureReasonBytesMax) reason.resize(kFailureReasonBytesMax);
  next.failure_reason = std::move(reason);
  return std::optional(engine::Step<Endpoint>{std::move(next), std::move(work)});
}

Outcome update_requested(Endpoint next, const engine::Event& event) {
  if (next.status != kInService && next.status != kFailed) return stale();
  next.pending = TRY(payload<Fleet>(event));
  next.status = kUpdating;
  next.failure_reason.clear();
  std::vector<engine::Task> work = {start_fleet(*next.pending)};
  return std::optional(engine::Step<Endpoint>{std::move(next), std::move(work)});
}

Outcome weights_requested(Endpoint next, const engine::Event& event) {
  if (next.status != kInService || !next.active) return stale();
  for (Variant& variant : next.active->variants) {
    const Value* change = event.payload.find(variant.name);
    if (!change) continue;
    if (const Value* weight = change->find("weight")) TRY(from_value(*weight, variant.weight));
    if (const Value* count = change->find("count"); count && variant.native)
      TRY(from_value(*count, variant.instance_count));
  }
  next.status = kUpdating;
  return std::optional(engine::Step<Endpoint>{std::move(next), {{tasks::kPublish}}});
}

Outcome published(Endpoint next) {
  // Only a change of weights waits for this; a fleet under way ends the update itself.
  if (next.status != kUpdating || next.pending) return stale();
  next.status = kInService;
  return std::optional(engine::Step<Endpoint>{std::move(next)});
}

// The instance of the active fleet that the reference means; nullptr when it is another attempt.
Instance* find_instance(Endpoint& endpoint, const InstanceRef& ref) {
  if (!endpoint.active || endpoint.active->id != ref.fleet) return nullptr;
  auto& variants = endpoint.active->variants;
  if (ref.variant < 0 || ref.variant >= static_cast<std::int64_t>(variants.size())) return nullptr;
  auto& instances = variants[static_cast<std::size_t>(ref.variant)].instances;
  if (ref.instance < 0 || ref.instance >= static_cast<std::int64_t>(instances.size()))
    return nullptr;
  Instance& instance = instances[static_cast<std::size_t>(ref.instance)];
  return instance.attempt == ref.attempt ? &instance : nullptr;
}

Outcome instance_exited(Endpoint next, const engine::Event& event) {
  InstanceRef ref = TRY(payload<InstanceRef>(event));
  Instance* instance = find_instance(next, ref);
  if (!instance || next.status == kDeleting) return stale();
  instance->ready = false;
  ++instance->attempt;
  const std::int64_t doublings = std::min<std::int64_t>(instance->attempt - 1, 6);
  const int delay_seconds = std::min(1 << doublings, kRestartDelaySecondsMax);
  ref.attempt = instance->attempt;
  ref.reason.clear();
  std::vector<engine::Task> work = {
      {tasks::kPublish},
      {tasks::kRestartInstance, to_value(ref), std::chrono::seconds(delay_seconds)}};
  return std::optional(engine::Step<Endpoint>{std::move(next), std::move(work)});
}

Outcome instance_ready(Endpoint next, const engine::Event& event) {
  const InstanceRef ref = TRY(payload<InstanceRef>(event));
  Instance* instance = find_instance(next, ref);
  if (!instance || next.status == kDeleting) return stale();
  instance->ready = true;
  instance->port = ref.port;
  return std::optional(engine::Step<Endpoint>{std::move(next), {{tasks::kPublish}}});
}

Outcome delete_requested(Endpoint next) {
  if (next.status == kDeleting) return stale();
  next.status = kDeleting;
  return std::optional(engine::Step<Endpoint>{std::move(next), {{tasks::kRemove}}});
}

// The engine gave up on a task.
Outcome task_failed(Endpoint next, const engine::Event& event) {
  const Value* task = event.payload.find("task");
  const Value* message = event.payload.find("message");
  if (!task || !task->as_string() || *task->as_string() != tasks::kStartFleet || !next.pending)
    return stale();
  const std::string fleet = next.pending->id;
  return fleet_failed(std::move(next), fleet,
                      "Unable to start the endpoint: " +
                          (message && message->as_string() ? *message->as_string() : ""));
}

}  // namespace

engine::Step<Endpoint> begin_endpoint(Endpoint endpoint, Fleet fleet, Timestamp now) {
  endpoint.created = endpoint.modified = now;
  endpoint.status = "Creating";
  engine::Task task = start_fleet(fleet);
  endpoint.pending = std::move(fleet);
  return {std::move(endpoint), {std::move(task)}};
}

Result<std::optional<engine::Step<Endpoint>>> endpoint_transition(const Endpoint& endpoint,
                                                                  const engine::Event& event,
                                                                  Timestamp now) {
  Endpoint next = endpoint;
  next.modified = now;
  if (event.type == events::kFleetReady) return fleet_ready(std::move(next), event);
  if (event.type == events::kFleetFailed) {
    const InstanceRef ref = TRY(payload<InstanceRef>(event));
    return fleet_failed(std::move(next), ref.fleet, ref.reason);
  }
  if (event.type == events::kUpdateRequested) return update_requested(std::move(next), event);
  if (event.type == events::kWeightsRequested) return weights_requested(std::move(next), event);
  if (event.type == events::kPublished) return published(std::move(next));
  if (event.type == events::kInstanceExited) return instance_exited(std::move(next), event);
  if (event.type == events::kInstanceReady) return instance_ready(std::move(next), event);
  if (event.type == events::kDeleteRequested) return delete_requested(std::move(next));
  if (event.type == events::kTaskFailed) return task_failed(std::move(next), event);
  return stale();
}

}  // namespace tidemill::services::sagemaker
