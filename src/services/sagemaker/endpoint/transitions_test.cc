#include "services/sagemaker/endpoint/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace events = endpoint_events;

constexpr Timestamp kNow{1'000'000};

Fleet fleet(const std::string& id, std::int64_t instances = 1) {
  Fleet out;
  out.id = id;
  out.config_name = "config-" + id;
  Variant variant;
  variant.name = "AllTraffic";
  variant.containers.resize(1);
  variant.containers[0].engine = engines::kPython;
  variant.resize(instances);
  out.variants.push_back(variant);
  return out;
}

Fleet ready(Fleet from, const std::vector<InstanceIndex>& which) {
  for (const InstanceIndex& at : which)
    for (Server& server :
         from.variants[std::size_t(at.variant)].instances[std::size_t(at.instance)].servers)
      server = {server.attempt, 4000, true, false};
  return from;
}

DeploymentRequest request(Fleet of, DeploymentPolicy policy = {}) {
  DeploymentRequest out;
  out.fleet = std::move(of);
  out.deployment.kind = "UpdateEndpoint";
  out.deployment.policy = std::move(policy);
  return out;
}

DeploymentPolicy policy(const char* type, std::int64_t size, std::int64_t wait_seconds) {
  DeploymentPolicy out;
  out.type = type;
  out.size = size;
  out.wait_seconds = wait_seconds;
  return out;
}

struct Machine {
  Endpoint endpoint;
  std::vector<engine::Task> tasks;

  // False when the event was stale.
  bool apply(const engine::Event& event) {
    auto step = endpoint_transition(endpoint, event, kNow);
    EXPECT_TRUE(step) << step.error().message;
    tasks.clear();
    if (!step || !*step) return false;
    endpoint = (*step)->next;
    tasks = (*step)->tasks;
    return true;
  }
  bool update(Fleet to, DeploymentPolicy how = {}) {
    return apply({events::kUpdateRequested, to_value(request(std::move(to), std::move(how)))});
  }
  // What StartInstances asked for is there.
  bool ready_instances(const Fleet& of) {
    return apply({events::kInstancesReady, to_value(ready(of, started()))});
  }
  bool failed(const std::string& id, const std::string& reason) {
    return apply({events::kInstancesFailed, to_value(InstancesRef{id, {}, 0, reason})});
  }
  bool timer() {
    const engine::Task* advance = task("Advance");
    return advance && apply({events::kAdvance, Value(advance->payload)});
  }
  const engine::Task* task(std::string_view type) const {
    for (const engine::Task& each : tasks)
      if (each.type == type) return &each;
    return nullptr;
  }
  std::vector<InstanceIndex> started() const {
    InstancesRef ref;
    if (const engine::Task* start = task("StartInstances"))
      EXPECT_TRUE(from_value(start->payload, ref));
    return ref.instances;
  }
  // The result that the history is told.
  std::string recorded() const {
    DeploymentRecord record;
    const engine::Task* keep = task("Record");
    return keep && from_value(keep->payload, record) ? record.result : "";
  }
  double traffic() const { return endpoint.deployment ? endpoint.deployment->traffic : -1; }
  std::vector<std::string> task_types() const {
    std::vector<std::string> types;
    for (const engine::Task& each : tasks) types.push_back(each.type);
    return types;
  }
};

Machine created(const Fleet& first) {
  Machine machine;
  engine::Step<Endpoint> step = begin_endpoint(Endpoint{}, request(first), kNow);
  machine.endpoint = step.next;
  machine.tasks = step.tasks;
  return machine;
}

Machine in_service(const Fleet& first) {
  Machine machine = created(first);
  EXPECT_TRUE(machine.ready_instances(first));
  EXPECT_EQ(machine.endpoint.status, "InService");
  return machine;
}

TEST(EndpointTransition, Creation_starts_every_instance) {
  Machine machine = created(fleet("a", 3));
  EXPECT_EQ(machine.endpoint.status, "Creating");
  EXPECT_EQ(machine.started().size(), 3u);
  EXPECT_EQ(machine.recorded(), "InProgress");
  EXPECT_TRUE(machine.ready_instances(fleet("a", 3)));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.recorded(), "Succeeded");
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Record"));
  EXPECT_FALSE(machine.endpoint.pending);
  EXPECT_FALSE(machine.endpoint.deployment);
}

TEST(EndpointTransition, A_first_fleet_that_fails_fails_the_endpoint) {
  Machine machine = created(fleet("a"));
  EXPECT_TRUE(machine.failed("a", std::string(5000, 'x')));
  EXPECT_EQ(machine.endpoint.status, "Failed");
  EXPECT_EQ(machine.endpoint.failure_reason.size(), kFailureReasonBytesMax);
  EXPECT_EQ(machine.endpoint.failed_config, "config-a");
  EXPECT_EQ(machine.recorded(), "Failed");
  EXPECT_TRUE(machine.task("Stop"));
  EXPECT_FALSE(machine.failed("a", "again"));
  EXPECT_FALSE(machine.update(fleet("b")));
}

TEST(EndpointTransition, All_at_once_switches_when_the_new_fleet_is_ready) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b")));
  EXPECT_EQ(machine.endpoint.status, "Updating");
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_FALSE(machine.apply({events::kUpdateRequested, to_value(request(fleet("c")))}));
  machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b")));
  EXPECT_TRUE(machine.ready_instances(fleet("b")));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "b");
  ASSERT_TRUE(machine.task("Stop"));
  EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(kDrainSeconds));
}

TEST(EndpointTransition, All_at_once_bakes_before_the_old_fleet_goes) {
  Machine machine = in_service(fleet("a"));
  DeploymentPolicy how = policy(deployment_policies::kAllAtOnce, 100, 60);
  how.termination_wait_seconds = 120;
  EXPECT_TRUE(machine.update(fleet("b"), how));
  EXPECT_TRUE(machine.ready_instances(fleet("b")));
  EXPECT_EQ(machine.endpoint.status, "Updating");
  EXPECT_EQ(machine.traffic(), 1);
  EXPECT_EQ(machine.task("Advance")->delay, std::chrono::seconds(60));
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.endpoint.active->id, "b");
  EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(120));
}

TEST(EndpointTransition, A_canary_gets_its_share_and_then_everything) {
  Machine machine = in_service(fleet("a", 4));
  EXPECT_TRUE(machine.update(fleet("b", 4), policy(deployment_policies::kCanary, 25, 10)));
  EXPECT_TRUE(machine.ready_instances(fleet("b", 4)));
  EXPECT_EQ(machine.traffic(), 0.25);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Advance"));
  const engine::Event first{events::kAdvance, machine.task("Advance")->payload};
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.traffic(), 1);
  EXPECT_FALSE(machine.apply(first));  // the timer of a step that is over
}

TEST(EndpointTransition, A_canary_counted_in_instances) {
  Machine machine = in_service(fleet("a", 4));
  DeploymentPolicy how = policy(deployment_policies::kCanary, 1, 10);
  how.size_in_percent = false;
  EXPECT_TRUE(machine.update(fleet("b", 4), how));
  EXPECT_TRUE(machine.ready_instances(fleet("b", 4)));
  EXPECT_EQ(machine.traffic(), 0.25);
}

TEST(EndpointTransition, Linear_goes_step_by_step) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b"), policy(deployment_policies::kLinear, 50, 1)));
  EXPECT_TRUE(machine.ready_instances(fleet("b")));
  EXPECT_NEAR(machine.traffic(), 0.5, 1e-6);
  EXPECT_TRUE(machine.timer());
  EXPECT_NEAR(machine.traffic(), 1, 1e-6);
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.endpoint.active->id, "b");
  EXPECT_EQ(machine.recorded(), "Succeeded");
}

TEST(EndpointTransition, Rolling_replaces_batch_by_batch) {
  Machine machine = in_service(fleet("a", 4));
  DeploymentPolicy how = policy(deployment_policies::kRolling, 50, 1);
  EXPECT_TRUE(machine.update(fleet("b", 4), how));
  EXPECT_EQ(machine.started().size(), 2u);
  EXPECT_TRUE(machine.ready_instances(fleet("b", 4)));
  EXPECT_EQ(machine.traffic(), 0.5);
  ASSERT_TRUE(machine.task("Stop"));
  EXPECT_EQ(machine.endpoint.active->variants[0].ready_instances(), 2);
  // The exit of one that was retired is none to repair.
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 0, 0, 0, 0, ""})}));
}

TEST(EndpointTransition, Rolling_ends_with_the_new_fleet_alone) {
  Machine machine = in_service(fleet("a", 2));
  EXPECT_TRUE(machine.update(fleet("b", 2), policy(deployment_policies::kRolling, 50, 1)));
  EXPECT_TRUE(machine.ready_instances(fleet("b", 2)));
  EXPECT_TRUE(machine.timer());
  ASSERT_EQ(machine.started().size(), 1u);
  EXPECT_EQ(machine.started()[0].instance, 1);
  EXPECT_TRUE(machine.ready_instances(fleet("b", 2)));
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.endpoint.active->id, "b");
  EXPECT_EQ(machine.endpoint.active->variants[0].ready_instances(), 2);
}

TEST(EndpointTransition, A_rolling_update_that_fails_brings_the_old_instances_back) {
  Machine machine = in_service(fleet("a", 2));
  EXPECT_TRUE(machine.update(fleet("b", 2), policy(deployment_policies::kRolling, 50, 1)));
  EXPECT_TRUE(machine.ready_instances(fleet("b", 2)));
  EXPECT_TRUE(machine.timer());
  EXPECT_TRUE(machine.failed("b", "no memory"));
  EXPECT_EQ(machine.endpoint.status, "RollingBack");
  EXPECT_EQ(machine.recorded(), "RolledBack");
  const engine::Task* restart = machine.task("RestartServer");
  ASSERT_TRUE(restart);
  ServerRef ref;
  ASSERT_TRUE(from_value(restart->payload, ref));
  EXPECT_EQ(ref.instance, 0);
  EXPECT_EQ(ref.attempt, 1);
  EXPECT_TRUE(machine.apply({events::kServerReady, to_value(ref)}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "a");
}

TEST(EndpointTransition, A_failed_update_rolls_back) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b")));
  EXPECT_TRUE(machine.failed("b", "no model_fn"));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_EQ(machine.endpoint.failure_reason, "no model_fn");
  EXPECT_THAT(machine.task_types(), ElementsAre("Stop", "Record"));
}

TEST(EndpointTransition, A_server_of_the_new_fleet_that_dies_while_it_bakes_rolls_back) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b"), policy(deployment_policies::kCanary, 10, 60)));
  EXPECT_TRUE(machine.ready_instances(fleet("b")));
  EXPECT_TRUE(machine.apply(
      {events::kServerExited, to_value(ServerRef{"b", 0, 0, 0, 0, 0, "exit code 3"})}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_THAT(machine.endpoint.failure_reason, HasSubstr("exit code 3"));
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Stop", "Record"));
}

TEST(EndpointTransition, A_deployment_has_its_time) {
  Machine machine = in_service(fleet("a"));
  DeploymentPolicy how = policy(deployment_policies::kLinear, 10, 100);
  how.time_max_seconds = 600;
  EXPECT_TRUE(machine.update(fleet("b"), how));
  const engine::Task* limit = machine.task("TimeOut");
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->delay, std::chrono::seconds(600));
  const engine::Event over{events::kTimeOut, limit->payload};
  EXPECT_TRUE(machine.apply(over));
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_THAT(machine.endpoint.failure_reason, HasSubstr("600"));
  EXPECT_FALSE(machine.apply(over));
}

TEST(EndpointTransition, A_server_that_ends_is_started_again_with_growing_delay) {
  Machine machine = in_service(fleet("a", 2));
  ServerRef ref{"a", 0, 1, 0, 0, 0, "exit code 1"};
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ref)}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->variants[0].ready_instances(), 1);
  ASSERT_THAT(machine.task_types(), ElementsAre("Publish", "RestartServer"));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(1));
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(ref)}));  // that attempt is over
  ref.attempt = 1;
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ref)}));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(2));
  ref.attempt = 2;
  ref.port = 4321;
  EXPECT_TRUE(machine.apply({events::kServerReady, to_value(ref)}));
  EXPECT_EQ(machine.endpoint.active->variants[0].instances[1].servers[0].port, 4321);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
}

engine::Event capacity(std::optional<double> weight, std::optional<std::int64_t> count) {
  CapacityRequest wanted;
  wanted.changes.push_back({"AllTraffic", weight, count});
  return {events::kCapacityRequested, to_value(wanted)};
}

TEST(EndpointTransition, Weights_change_in_place) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.apply(capacity(0.25, {})));
  EXPECT_EQ(machine.endpoint.status, "Updating");
  EXPECT_EQ(machine.endpoint.active->variants[0].weight, 0.25);
  EXPECT_TRUE(machine.apply({events::kPublished, {}}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_FALSE(machine.apply({events::kPublished, {}}));
}

TEST(EndpointTransition, Capacity_grows_and_shrinks_in_place) {
  Machine machine = in_service(fleet("a", 1));
  EXPECT_TRUE(machine.apply(capacity({}, 3)));
  EXPECT_EQ(machine.started().size(), 2u);
  EXPECT_FALSE(machine.apply({events::kPublished, {}}));
  Fleet now = *machine.endpoint.active;
  EXPECT_TRUE(machine.apply({events::kInstancesReady, to_value(ready(now, all_instances(now)))}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->variants[0].ready_instances(), 3);
  EXPECT_TRUE(machine.apply(capacity({}, 1)));
  EXPECT_TRUE(machine.task("Stop"));
  EXPECT_TRUE(machine.apply({events::kPublished, {}}));
  EXPECT_EQ(machine.endpoint.active->variants[0].instances.size(), 1u);
}

TEST(EndpointTransition, Capacity_that_does_not_come_leaves_the_size_it_had) {
  Machine machine = in_service(fleet("a", 1));
  EXPECT_TRUE(machine.apply(capacity({}, 2)));
  EXPECT_TRUE(machine.apply(
      {events::kInstancesFailed, to_value(InstancesRef{"a", machine.started(), 0, "no room"})}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.failure_reason, "no room");
  EXPECT_EQ(machine.endpoint.active->variants[0].instance_count, 1);
  EXPECT_TRUE(machine.task("Stop"));
}

TEST(EndpointTransition, What_leaves_is_in_the_record_until_it_is_stopped) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b")));
  EXPECT_TRUE(machine.ready_instances(fleet("b")));
  ASSERT_EQ(machine.endpoint.leaving.size(), 1u);
  EXPECT_EQ(machine.endpoint.leaving[0].fleet.id, "a");
  EXPECT_TRUE(machine.endpoint.leaving[0].whole);
  const engine::Event stopped{events::kStopped, machine.task("Stop")->payload};
  EXPECT_TRUE(machine.apply(stopped));
  EXPECT_THAT(machine.endpoint.leaving, IsEmpty());
  EXPECT_FALSE(machine.apply(stopped));
}

TEST(EndpointTransition, An_instance_that_comes_back_has_attempts_of_its_own) {
  Machine machine = in_service(fleet("a", 2));
  EXPECT_TRUE(machine.apply(capacity({}, 1)));
  EXPECT_TRUE(machine.apply({events::kPublished, {}}));
  EXPECT_TRUE(machine.apply(capacity({}, 2)));
  // The old one's attempt 0 is being stopped still, and stopping looks at the one before, too.
  EXPECT_GE(machine.endpoint.active->variants[0].instances[1].servers[0].attempt, 2);
}

TEST(EndpointTransition, A_server_that_ends_while_others_start_is_not_taken_for_one_that_runs) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.update(fleet("b", 2)));
  const Fleet found = ready(fleet("b", 2), machine.started());
  EXPECT_TRUE(machine.apply(
      {events::kServerExited, to_value(ServerRef{"b", 0, 0, 0, 0, 0, "exit code 1"})}));
  EXPECT_TRUE(machine.apply({events::kInstancesReady, to_value(found)}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_EQ(machine.recorded(), "RolledBack");
}

TEST(EndpointTransition, A_server_that_is_down_does_not_hold_up_a_change_of_weights) {
  Machine machine = in_service(fleet("a", 2));
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 1, 0, 0, 0, ""})}));
  EXPECT_TRUE(machine.apply(capacity(0.5, {})));
  EXPECT_TRUE(machine.apply({events::kPublished, {}}));
  EXPECT_EQ(machine.endpoint.status, "InService");
}

TEST(EndpointTransition, Failed_growth_drops_only_what_was_starting) {
  Machine machine = in_service(fleet("a", 2));
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 0, 0, 0, 0, ""})}));
  EXPECT_TRUE(machine.apply(capacity({}, 3)));
  EXPECT_TRUE(machine.failed("a", "no room"));
  EXPECT_EQ(machine.endpoint.active->variants[0].instances.size(), 2u);
}

TEST(EndpointTransition, What_was_given_up_is_asked_for_again) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 0, 0, 0, 0, ""})}));
  for (const char* task : {"Publish", "RestartServer"}) {
    ValueObject payload;
    payload.append("task", task);
    EXPECT_TRUE(machine.apply({events::kTaskFailed, payload}));
    EXPECT_THAT(machine.task_types(), ElementsAre(task));
  }
  EXPECT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  ValueObject payload;
  payload.append("task", "Remove");
  EXPECT_TRUE(machine.apply({events::kTaskFailed, payload}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  ValueObject start;
  start.append("task", "StartInstances");
  EXPECT_FALSE(machine.apply({events::kTaskFailed, start}));
}

TEST(EndpointTransition, Deleting_ends_everything_else) {
  Machine machine = created(fleet("a"));
  EXPECT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_EQ(machine.endpoint.status, "Deleting");
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_FALSE(machine.ready_instances(fleet("a")));
  EXPECT_FALSE(machine.failed("a", "x"));
  EXPECT_FALSE(machine.apply({events::kDeleteRequested, {}}));
}

TEST(EndpointTransition, A_task_that_was_given_up_fails_the_fleet) {
  Machine machine = created(fleet("a"));
  ValueObject payload;
  payload.append("task", "StartInstances");
  payload.append("message", "disk full");
  EXPECT_TRUE(machine.apply({events::kTaskFailed, payload}));
  EXPECT_EQ(machine.endpoint.status, "Failed");
  EXPECT_THAT(machine.endpoint.failure_reason, HasSubstr("disk full"));
}

Machine draining_machine() {
  Machine machine = created(fleet("a"));
  machine.ready_instances(fleet("a"));
  machine.update(fleet("b"));
  machine.ready_instances(fleet("b"));
  return machine;
}

TEST(Draining, An_old_fleet_is_looked_at_again_while_requests_are_under_way) {
  Machine machine = draining_machine();
  ASSERT_EQ(machine.endpoint.leaving.size(), 1u);
  EXPECT_EQ(machine.endpoint.leaving[0].due, kNow + std::chrono::seconds(kDrainSeconds));
  for (const int seconds : {1, 2, 3, 4, 5, 5, 5}) {
    const Value stop = machine.task("Stop")->payload;
    ASSERT_TRUE(machine.apply({events::kDraining, stop}));
    EXPECT_THAT(machine.task_types(), ElementsAre("Stop"));
    EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(seconds));
  }
  EXPECT_EQ(machine.endpoint.status, "InService");
  const Value stop = machine.task("Stop")->payload;
  ASSERT_TRUE(machine.apply({events::kStopped, stop}));
  EXPECT_THAT(machine.endpoint.leaving, IsEmpty());
  EXPECT_FALSE(machine.apply({events::kDraining, stop}));
}

TEST(Draining, Is_no_change_of_the_endpoint) {
  Machine machine = draining_machine();
  const Timestamp later = kNow + std::chrono::hours(1);
  auto step = endpoint_transition(machine.endpoint,
                                  {events::kDraining, machine.task("Stop")->payload}, later);
  ASSERT_TRUE(step && *step);
  EXPECT_EQ((*step)->next.modified, kNow);
}

TEST(Draining, A_termination_wait_comes_first) {
  Machine machine = created(fleet("a"));
  machine.ready_instances(fleet("a"));
  DeploymentPolicy waits;
  waits.termination_wait_seconds = 120;
  machine.update(fleet("b"), waits);
  machine.ready_instances(fleet("b"));
  EXPECT_EQ(machine.endpoint.leaving[0].due, kNow + std::chrono::seconds(120));
}

TEST(Draining, A_deletion_waits_for_what_is_under_way) {
  Machine machine = created(fleet("a"));
  machine.ready_instances(fleet("a"));
  EXPECT_FALSE(machine.apply({events::kDraining, to_value(StopRef{})}));
  ASSERT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_EQ(machine.endpoint.deleting_since, kNow);
  const Value remove = machine.task("Remove")->payload;
  ASSERT_TRUE(machine.apply({events::kDraining, remove}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_EQ(machine.task("Remove")->delay, std::chrono::seconds(1));
  EXPECT_EQ(machine.endpoint.status, "Deleting");
}

ServerRef unhealthy_server(const std::string& of) {
  return {of, 0, 0, 0, 0, 0, "GET /ping failed 3 times in a row: status 500", 2};
}

TEST(Health, A_server_that_fails_is_ended_and_started_again) {
  Machine machine = created(fleet("a", 2));
  machine.ready_instances(fleet("a", 2));
  const ServerRef ref = unhealthy_server("a");
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "RestartServer", "EndServer"));
  EXPECT_EQ(machine.endpoint.active->variants[0].ready_instances(), 1);
  EXPECT_EQ(machine.endpoint.status, "InService");
  ServerRef ended, again;
  ASSERT_TRUE(from_value(machine.task("EndServer")->payload, ended));
  ASSERT_TRUE(from_value(machine.task("RestartServer")->payload, again));
  EXPECT_EQ(ended.attempt, 0);
  EXPECT_EQ(ended.stop_grace_seconds, 2);
  EXPECT_EQ(again.attempt, 1);
  EXPECT_EQ(machine.task("RestartServer")->delay, std::chrono::seconds(1));
  // Told twice, and told by its process's end: neither is news.
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(ref)}));
}

TEST(Health, A_server_of_a_new_fleet_rolls_the_deployment_back) {
  Machine machine = created(fleet("a"));
  machine.ready_instances(fleet("a"));
  machine.update(fleet("b"), policy(deployment_policies::kCanary, 50, 60));
  machine.ready_instances(fleet("b"));
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(unhealthy_server("b"))}));
  EXPECT_EQ(machine.recorded(), "RolledBack");
  EXPECT_THAT(machine.endpoint.failure_reason, HasSubstr("status 500"));
  EXPECT_TRUE(machine.task("EndServer"));
  EXPECT_EQ(machine.endpoint.active->id, "a");
}

TEST(Health, One_that_is_not_in_service_is_left_alone) {
  Machine machine = created(fleet("a"));
  const ServerRef ref = unhealthy_server("a");
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, to_value(ref)}));  // it is being started
  machine.ready_instances(fleet("a"));
  machine.apply({events::kDeleteRequested, {}});
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker
