#include "services/sagemaker/inference_component/inference_components.h"

#include <algorithm>

#include "base/log.h"
#include "services/sagemaker/inference_component/transitions.h"
#include "services/sagemaker/tags/tags.h"

namespace tidemill::services::sagemaker {
namespace {

namespace tasks = component_tasks;
namespace events = component_events;

using Events = std::vector<engine::Event>;

template <class T>
Result<T> payload(const engine::TaskRun& run) {
  T out{};
  TRY(from_value(run.payload, out));
  return out;
}

}  // namespace

InferenceComponents::InferenceComponents(const Dependencies& dependencies, FleetRunner& fleets,
                                         EndpointService& endpoints)
    : in_(dependencies),
      fleets_(fleets),
      endpoints_(endpoints),
      handlers_(dependencies, changing_) {}

std::vector<store::TableSpec> InferenceComponents::tables() {
  return {inference_components().spec()};
}

void InferenceComponents::add_to(engine::Engine& engine) {
  engine.add(
      engine::make_machine(kComponentMachine, inference_components(), component_transition,
                           [this](const InferenceComponent& component, const engine::TaskRun& run) {
                             return run_task(component, run);
                           }));
}

void InferenceComponents::add_to(Registry& registry) { handlers_.add_to(registry); }

engine::TaskResult InferenceComponents::run_task(const InferenceComponent& component,
                                                 const engine::TaskRun& run) {
  if (run.type == tasks::kStartCopies) return start_copies(component, run);
  if (run.type == tasks::kStopCopies) return stop_copies(component, run);
  if (run.type == tasks::kRestartServer) return restart_server(component, run);
  if (run.type == tasks::kEndServer) {
    const ServerRef ref = TRY(payload<ServerRef>(run));
    TRY(fleets_.end_server(owner_of(component), ref));
    return Events();
  }
  if (run.type == tasks::kRemove) return remove(component, run);
  if (run.type == tasks::kPublish) {
    TRY(publish(component));
    return Events{{events::kPublished, {}}};
  }
  if (run.type == tasks::kAdvance) return Events{{events::kAdvance, run.payload}};
  if (run.type == tasks::kTimeOut) return Events{{events::kTimeOut, run.payload}};
  return fail(codes::kInvalid, "unknown task " + run.type);
}

engine::TaskResult InferenceComponents::start_copies(const InferenceComponent& component,
                                                     const engine::TaskRun& run) {
  InstancesRef ref = TRY(payload<InstancesRef>(run));
  const Fleet* fleet = find_fleet(component, ref.fleet);
  if (!fleet) return Events();
  Result<Fleet> started = fleets_.start(owner_of(component), *fleet, ref.instances);
  if (started) return Events{{events::kCopiesReady, to_value(*started)}};
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  ref.reason = started.error().message;
  return Events{{events::kCopiesFailed, to_value(ref)}};
}

bool InferenceComponents::drains(const Fleet& fleet, const std::vector<InstanceIndex>& which,
                                 Timestamp due) const {
  return fleets_.under_way(fleet, which) > 0 &&
         in_.clock.now() < due + fleets_.drain_time_max(fleet);
}

bool InferenceComponents::drains(const Leaving& leaving) const {
  return drains(leaving.fleet,
                leaving.instances.empty() ? all_instances(leaving.fleet) : leaving.instances,
                leaving.due);
}

Result<void> InferenceComponents::stop(const InferenceComponent& component,
                                       const Leaving& leaving) {
  if (leaving.instances.empty()) return fleets_.stop(owner_of(component), leaving.fleet);
  return fleets_.stop_instances(owner_of(component), leaving.fleet, leaving.instances);
}

engine::TaskResult InferenceComponents::stop_copies(const InferenceComponent& component,
                                                    const engine::TaskRun& run) {
  const Leaving leaving = TRY(payload<Leaving>(run));
  if (leaving.looks == 0) TRY(publish(component));
  if (drains(leaving)) return Events{{events::kDraining, run.payload}};
  TRY(stop(component, leaving));
  Leaving which;
  which.id = leaving.id;
  return Events{{events::kStopped, to_value(which)}};
}

engine::TaskResult InferenceComponents::restart_server(const InferenceComponent& component,
                                                       const engine::TaskRun& run) {
  const ServerRef ref = TRY(payload<ServerRef>(run));
  // The copy may be gone, or have been started again, since this was asked for.
  std::optional<Fleet> active = component.active;
  if (!active || !find_server(*active, ref)) return Events();
  Result<ServerRef> started = fleets_.start_server(owner_of(component), *active, ref);
  if (started) return Events{{events::kServerReady, to_value(*started)}};
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  log::warning("a copy of an inference component does not come up",
               {{"component", component.arn}, {"reason", started.error().message}});
  return Events{{events::kRestartFailed, to_value(ref)}};
}

engine::TaskResult InferenceComponents::remove(const InferenceComponent& component,
                                               const engine::TaskRun& run) {
  TRY(publish(component));
  const auto still_answers = [&](const std::optional<Fleet>& fleet) {
    return fleet && drains(*fleet, all_instances(*fleet), component.modified);
  };
  if (still_answers(component.active) || still_answers(component.pending) ||
      std::ranges::any_of(component.leaving, [&](const Leaving& each) { return drains(each); }))
    return Events{
        {events::kDraining, to_value(payload<Leaving>(run).value_or(Leaving{kEverythingLeaves}))}};
  for (const Leaving& leaving : component.leaving) TRY(stop(component, leaving));
  const FleetOwner owner = owner_of(component);
  if (component.pending) TRY(fleets_.stop(owner, *component.pending));
  if (component.active) TRY(fleets_.stop(owner, *component.active));
  store::Transaction transaction;
  erase_tags(transaction, component.arn);
  TRY(in_.engine.erase(kComponentMachine, run.key, std::move(transaction)));
  return Events();
}

Result<void> InferenceComponents::publish(const InferenceComponent& component) {
  return endpoints_.publish(endpoint_key(component.account, component.region, component.endpoint));
}

Result<std::vector<sagemaker_runtime::VariantRoute>> InferenceComponents::routes(
    const Endpoint& endpoint) {
  std::vector<sagemaker_runtime::VariantRoute> all;
  for (const InferenceComponent& component : TRY(handlers_.components(endpoint))) {
    if (component.status == component_status::kDeleting) continue;
    const FleetOwner owner = owner_of(component);
    for (const std::optional<Fleet>* fleet : {&component.active, &component.pending}) {
      // A fleet none of whose copies is ready says nothing, but one without copies must be known.
      if (!*fleet) continue;
      const std::int64_t ready = (*fleet)->variants.front().ready_instances();
      if (ready == 0 && fleet == &component.pending) continue;
      Result<sagemaker_runtime::VariantRoute> route = fleets_.route(owner, **fleet, 0);
      if (!route) {
        // The endpoint's other components answer all the same.
        log::error("cannot serve an inference component",
                   {{"component", component.arn}, {"reason", route.error().message}});
        continue;
      }
      route->component = component.name;
      route->weight = double(ready);
      all.push_back(std::move(*route));
    }
  }
  return all;
}

Result<void> InferenceComponents::check_variants(const Endpoint& endpoint,
                                                 const std::vector<Variant>& variants) {
  const std::vector<InferenceComponent> all = TRY(handlers_.components(endpoint));
  for (const InferenceComponent& each : all)
    if (std::ranges::none_of(variants, [&](const Variant& variant) {
          return variant.name == each.variant && variant.containers.empty();
        }))
      return fail("ValidationException",
                  "The inference component " + each.name + " is hosted on variant " + each.variant +
                      ", which the endpoint would not have any more; delete it "
                      "first.");
  for (const Variant& variant : variants) {
    std::vector<Claim> claims;
    for (const InferenceComponent& each : all)
      if (each.variant == variant.name) claims.push_back(claim_of(each));
    if (!claims.empty()) TRY(check_room(std::move(claims), variant));
  }
  return {};
}

Result<void> InferenceComponents::check_none(const Endpoint& endpoint) {
  constexpr std::size_t kNamedMax = 5;
  const std::vector<InferenceComponent> all = TRY(handlers_.components(endpoint));
  if (all.empty()) return {};
  std::string names;
  for (std::size_t i = 0; i < std::min(all.size(), kNamedMax); ++i)
    names += (i ? ", " : "") + all[i].name;
  if (all.size() > kNamedMax) names += ", ...";
  return fail("ValidationException", "Cannot delete endpoint \"" + endpoint.arn +
                                         "\": it hosts inference components (" + names +
                                         "). Delete them first.");
}

bool InferenceComponents::server_unhealthy(const UnhealthyServer& server) {
  Result<ServerJob> job = parse_server_job_id(server.job);
  if (!job) return false;
  job->ref.reason = server.reason;
  job->ref.stop_grace_seconds = server.stop_grace.count();
  Result<bool> sent =
      in_.engine.send(kComponentMachine, component_key(job->account, job->region, job->name),
                      {events::kServerUnhealthy, to_value(job->ref)});
  if (!sent || !*sent) return false;
  log::warning("a copy of an inference component is not healthy; it is ended and started again",
               {{"component", job->name}, {"reason", server.reason}});
  (void)job_logged(
      server.job,
      {{in_.clock.now(),
        "The model server is taken out of service and started again: " + server.reason + ".", 0}});
  return true;
}

void InferenceComponents::job_exited(const std::string& id, const compute::JobExit& exit) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job || exit.stop_requested) return;
  job->ref.reason = "exit code " + std::to_string(exit.exit_code);
  if (exit.out_of_memory) job->ref.reason += ", it used more memory than it may";
  // Stale for copies that are still being started: whoever waits for them sees the exit itself.
  Result<bool> sent =
      in_.engine.send(kComponentMachine, component_key(job->account, job->region, job->name),
                      {events::kServerExited, to_value(job->ref)});
  if (sent && *sent)
    log::warning("a copy of an inference component ended; it is started again",
                 {{"component", job->name}, {"exit_code", exit.exit_code}});
}

bool InferenceComponents::job_logged(const std::string& id,
                                     const std::vector<compute::LogLine>& lines) {
  Result<ServerJob> job = parse_server_job_id(id);
  if (!job) return true;
  auto found =
      inference_components().get(in_.store, component_key(job->account, job->region, job->name));
  if (!found) return false;
  if (!*found) return true;  // deleted meanwhile
  Variant variant;
  variant.name = (*found)->record.variant;
  if (const Fleet* fleet = find_fleet((*found)->record, job->ref.fleet))
    variant = fleet->variants.front();
  std::vector<logs::LogEvent> entries;
  entries.reserve(lines.size());
  for (const compute::LogLine& line : lines) entries.push_back({line.time, line.text});
  return in_.logs
      .append(job->account, job->region, kComponentLogGroup + job->name,
              server_log_stream(variant, job->ref), std::move(entries))
      .has_value();
}

}  // namespace tidemill::services::sagemaker
