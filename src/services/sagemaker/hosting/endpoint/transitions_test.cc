// Transitions of an endpoint besides deployments (deployment_transitions_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/hosting/endpoint/test_endpoint_machine.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace events = endpoint_events;

TEST(EndpointTransition, Creation_starts_every_instance) {
  EndpointMachine machine = created(test_fleet("a", 3));
  EXPECT_EQ(machine.record.status, "Creating");
  EXPECT_EQ(machine.started().size(), 3u);
  EXPECT_EQ(machine.recorded(), "InProgress");
  EXPECT_TRUE(machine.ready_instances(test_fleet("a", 3)));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.recorded(), "Succeeded");
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Record"));
  EXPECT_FALSE(machine.record.pending);
  EXPECT_FALSE(machine.record.deployment);
}

TEST(EndpointTransition, Is_in_service_only_once_its_routes_are_published) {
  EndpointMachine machine = created(test_fleet("a", 2));
  EXPECT_FALSE(machine.published());  // by a task that ran before there was anything to route
  EXPECT_TRUE(machine.come_up(test_fleet("a", 2)));
  EXPECT_EQ(machine.record.status, "Creating");
  EXPECT_EQ(machine.record.deployment->stage, "Publishing");
  EXPECT_EQ(machine.traffic(), 1);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
  // A publication of an earlier record, and one of another deployment.
  EXPECT_FALSE(machine.apply(engine::event_of(events::Published{"a", 0})));
  EXPECT_FALSE(machine.apply(engine::event_of(events::Published{"b", 1})));
  auto step =
      endpoint_transition(machine.record, engine::event_of(events::Published{"a", 1}), kTestNow);
  ASSERT_TRUE(step && *step);
  EXPECT_EQ((*step)->next.status, "InService");
  EXPECT_EQ((*step)->next.active->id, "a");
  ASSERT_EQ((*step)->tasks.size(), 1u);
  EXPECT_EQ((*step)->tasks[0].type, "Record");
  ASSERT_EQ((*step)->published.size(), 1u);
  EXPECT_EQ((*step)->published[0].detail_type, "SageMaker Endpoint State Change");
}

TEST(EndpointTransition, A_first_fleet_that_ends_before_it_is_published_leaves_no_route) {
  EndpointMachine machine = created(test_fleet("a"));
  EXPECT_TRUE(machine.come_up(test_fleet("a")));
  EXPECT_TRUE(machine.apply(
      engine::event_of(events::ServerExited{ServerRef{"a", 0, 0, 0, 0, 0, "exit code 3"}})));
  EXPECT_EQ(machine.record.status, "Failed");
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Stop", "Record"));
}

TEST(EndpointTransition, A_fleet_that_cannot_be_routed_is_rolled_back) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b")));
  EXPECT_TRUE(machine.come_up(test_fleet("b")));
  EXPECT_TRUE(machine.give_up("Publish", "no such file"));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("no such file"));
  EXPECT_EQ(machine.recorded(), "RolledBack");
}

TEST(EndpointTransition, An_unknown_event_is_an_error) {
  const EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_FALSE(endpoint_transition(machine.record, {"Repaint", {}}, kTestNow));
}

TEST(EndpointTransition, A_first_fleet_that_fails_fails_the_endpoint) {
  EndpointMachine machine = created(test_fleet("a"));
  EXPECT_TRUE(machine.failed("a", std::string(5000, 'x')));
  EXPECT_EQ(machine.record.status, "Failed");
  EXPECT_EQ(machine.record.failure_reason.size(), kFailureReasonBytesMax);
  EXPECT_EQ(machine.record.failed_config, "config-a");
  EXPECT_EQ(machine.recorded(), "Failed");
  EXPECT_TRUE(machine.task("Stop"));
  EXPECT_FALSE(machine.failed("a", "again"));
  EXPECT_FALSE(machine.update(test_fleet("b")));
}

TEST(EndpointTransition, A_server_that_ends_is_started_again_with_growing_delay) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  ServerRef ref{"a", 0, 1, 0, 0, 0, "exit code 1"};
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ref)}));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->variants[0].ready_instances(), 1);
  ASSERT_THAT(machine.task_types(), ElementsAre("Publish", "RestartServer"));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(1));
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(ref)}));  // that attempt is over
  ref.attempt = 1;
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ref)}));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(2));
  ref.attempt = 2;
  ref.port = 4321;
  EXPECT_TRUE(machine.apply({events::kServerReady, to_value(ref)}));
  EXPECT_EQ(machine.record.active->variants[0].instances[1].servers[0].port, 4321);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
}

engine::Event capacity(std::optional<double> weight, std::optional<std::int64_t> count) {
  CapacityRequest wanted;
  wanted.changes.push_back({"AllTraffic", weight, count});
  return {events::kCapacityRequested, to_value(wanted)};
}

TEST(EndpointTransition, Weights_change_in_place) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.apply(capacity(0.25, {})));
  EXPECT_EQ(machine.record.status, "Updating");
  EXPECT_EQ(machine.record.active->variants[0].weight, 0.25);
  EXPECT_TRUE(machine.published());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_FALSE(machine.published());
}

TEST(EndpointTransition, Capacity_grows_and_shrinks_in_place) {
  EndpointMachine machine = in_service(test_fleet("a", 1));
  EXPECT_TRUE(machine.apply(capacity({}, 3)));
  EXPECT_EQ(machine.started().size(), 2u);
  EXPECT_FALSE(machine.published());
  Fleet now = *machine.record.active;
  EXPECT_TRUE(machine.apply({events::kInstancesReady, to_value(ready(now, all_instances(now)))}));
  EXPECT_EQ(machine.record.status, "Updating");
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
  // One that began before the new instances were there does not end the update.
  EXPECT_FALSE(machine.apply(engine::event_of(events::Published{"", 0})));
  EXPECT_TRUE(machine.published());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->variants[0].ready_instances(), 3);
  EXPECT_TRUE(machine.apply(capacity({}, 1)));
  EXPECT_TRUE(machine.task("Stop"));
  EXPECT_TRUE(machine.published());
  EXPECT_EQ(machine.record.active->variants[0].instances.size(), 1u);
}

TEST(EndpointTransition, Capacity_that_does_not_come_leaves_the_size_it_had) {
  EndpointMachine machine = in_service(test_fleet("a", 1));
  EXPECT_TRUE(machine.apply(capacity({}, 2)));
  EXPECT_TRUE(machine.apply(
      {events::kInstancesFailed, to_value(InstancesRef{"a", machine.started(), 0, "no room"})}));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.failure_reason, "no room");
  EXPECT_EQ(machine.record.active->variants[0].instance_count, 1);
  EXPECT_TRUE(machine.task("Stop"));
}

TEST(EndpointTransition, What_leaves_is_in_the_record_until_it_is_stopped) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b")));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b")));
  ASSERT_EQ(machine.record.leaving.size(), 1u);
  EXPECT_EQ(machine.record.leaving[0].fleet.id, "a");
  EXPECT_TRUE(machine.record.leaving[0].whole);
  const engine::Event stopped{events::kStopped, machine.task("Stop")->payload};
  EXPECT_TRUE(machine.apply(stopped));
  EXPECT_THAT(machine.record.leaving, IsEmpty());
  EXPECT_FALSE(machine.apply(stopped));
}

TEST(EndpointTransition, An_instance_that_comes_back_has_attempts_of_its_own) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  EXPECT_TRUE(machine.apply(capacity({}, 1)));
  EXPECT_TRUE(machine.published());
  EXPECT_TRUE(machine.apply(capacity({}, 2)));
  // The old one's attempt 0 is being stopped still, and stopping looks at the one before, too.
  EXPECT_GE(machine.record.active->variants[0].instances[1].servers[0].attempt, 2);
}

TEST(EndpointTransition, A_server_that_is_down_does_not_hold_up_a_change_of_weights) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 1, 0, 0, 0, ""})}));
  EXPECT_TRUE(machine.apply(capacity(0.5, {})));
  EXPECT_TRUE(machine.published());
  EXPECT_EQ(machine.record.status, "InService");
}

TEST(EndpointTransition, Failed_growth_drops_only_what_was_starting) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 0, 0, 0, 0, ""})}));
  EXPECT_TRUE(machine.apply(capacity({}, 3)));
  EXPECT_TRUE(machine.failed("a", "no room"));
  EXPECT_EQ(machine.record.active->variants[0].instances.size(), 2u);
}

TEST(EndpointTransition, What_was_given_up_is_asked_for_again) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 0, 0, 0, 0, ""})}));
  for (const char* task : {"Publish", "RestartServer"}) {
    EXPECT_TRUE(machine.give_up(task));
    EXPECT_THAT(machine.task_types(), ElementsAre(task));
  }
  EXPECT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_TRUE(machine.give_up("Remove"));
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_FALSE(machine.give_up("StartInstances"));
}

TEST(EndpointTransition, Deleting_ends_everything_else) {
  EndpointMachine machine = created(test_fleet("a"));
  EXPECT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_EQ(machine.record.status, "Deleting");
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_FALSE(machine.ready_instances(test_fleet("a")));
  EXPECT_FALSE(machine.failed("a", "x"));
  EXPECT_FALSE(machine.apply({events::kDeleteRequested, {}}));
}

TEST(EndpointTransition, A_task_that_was_given_up_fails_the_fleet) {
  EndpointMachine machine = created(test_fleet("a"));
  EXPECT_TRUE(machine.give_up("StartInstances", "disk full"));
  EXPECT_EQ(machine.record.status, "Failed");
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("disk full"));
}

EndpointMachine draining_machine() {
  EndpointMachine machine = created(test_fleet("a"));
  machine.ready_instances(test_fleet("a"));
  machine.update(test_fleet("b"));
  machine.ready_instances(test_fleet("b"));
  return machine;
}

TEST(Draining, An_old_fleet_is_looked_at_again_while_requests_are_under_way) {
  EndpointMachine machine = draining_machine();
  ASSERT_EQ(machine.record.leaving.size(), 1u);
  EXPECT_EQ(machine.record.leaving[0].due, kTestNow + std::chrono::seconds(kDrainSeconds));
  for (const int seconds : {1, 2, 3, 4, 5, 5, 5}) {
    const Value stop = machine.task("Stop")->payload;
    ASSERT_TRUE(machine.apply({events::kDraining, stop}));
    EXPECT_THAT(machine.task_types(), ElementsAre("Stop"));
    EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(seconds));
  }
  EXPECT_EQ(machine.record.status, "InService");
  const Value stop = machine.task("Stop")->payload;
  ASSERT_TRUE(machine.apply({events::kStopped, stop}));
  EXPECT_THAT(machine.record.leaving, IsEmpty());
  EXPECT_FALSE(machine.apply({events::kDraining, stop}));
}

TEST(Draining, Is_no_change_of_the_endpoint) {
  EndpointMachine machine = draining_machine();
  const Timestamp later = kTestNow + std::chrono::hours(1);
  auto step = endpoint_transition(machine.record,
                                  {events::kDraining, machine.task("Stop")->payload}, later);
  ASSERT_TRUE(step && *step);
  EXPECT_EQ((*step)->next.modified, kTestNow);
}

TEST(Draining, A_termination_wait_comes_first) {
  EndpointMachine machine = created(test_fleet("a"));
  machine.ready_instances(test_fleet("a"));
  DeploymentPolicy waits;
  waits.termination_wait_seconds = 120;
  machine.update(test_fleet("b"), waits);
  machine.ready_instances(test_fleet("b"));
  EXPECT_EQ(machine.record.leaving[0].due, kTestNow + std::chrono::seconds(120));
}

TEST(Draining, A_deletion_waits_for_what_is_under_way) {
  EndpointMachine machine = created(test_fleet("a"));
  machine.ready_instances(test_fleet("a"));
  EXPECT_FALSE(machine.apply({events::kDraining, to_value(StopRef{})}));
  ASSERT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_EQ(machine.record.deleting_since, kTestNow);
  const Value remove = machine.task("Remove")->payload;
  ASSERT_TRUE(machine.apply({events::kDraining, remove}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_EQ(machine.task("Remove")->delay, std::chrono::seconds(1));
  EXPECT_EQ(machine.record.status, "Deleting");
}

ServerRef unhealthy_server(const std::string& of) {
  return {of, 0, 0, 0, 0, 0, "GET /ping failed 3 times in a row: status 500", 2};
}

TEST(Health, A_server_that_fails_is_ended_and_started_again) {
  EndpointMachine machine = created(test_fleet("a", 2));
  machine.ready_instances(test_fleet("a", 2));
  const ServerRef ref = unhealthy_server("a");
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "RestartServer", "EndServer"));
  EXPECT_EQ(machine.record.active->variants[0].ready_instances(), 1);
  EXPECT_EQ(machine.record.status, "InService");
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
  EndpointMachine machine = created(test_fleet("a"));
  machine.ready_instances(test_fleet("a"));
  machine.update(test_fleet("b"), policy(deployment_policies::kCanary, 50, 60));
  machine.ready_instances(test_fleet("b"));
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(unhealthy_server("b"))}));
  EXPECT_EQ(machine.recorded(), "RolledBack");
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("status 500"));
  EXPECT_TRUE(machine.task("EndServer"));
  EXPECT_EQ(machine.record.active->id, "a");
}

TEST(Health, One_that_leaves_is_only_ended) {
  EndpointMachine machine = in_service(test_fleet("a"));
  machine.update(test_fleet("b"));
  machine.ready_instances(test_fleet("b"));
  const Value a = to_value(unhealthy_server("a")), b = to_value(unhealthy_server("b"));
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, a}));
  EXPECT_THAT(machine.task_types(), ElementsAre("EndServer"));
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, a}));
  ASSERT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, b}));
  EXPECT_THAT(machine.task_types(), ElementsAre("EndServer"));
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, b}));
}

TEST(Health, One_whose_neighbour_leaves_is_started_again) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  CapacityRequest request;
  request.changes = {{"AllTraffic", {}, 1}};
  ASSERT_TRUE(machine.apply({events::kCapacityRequested, to_value(request)}));
  ServerRef ref = unhealthy_server("a");
  ref.instance = 1;
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
  EXPECT_THAT(machine.task_types(), ElementsAre("EndServer"));
  ref.instance = 0;
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
  EXPECT_TRUE(machine.task("RestartServer"));
}

TEST(Health, One_that_is_not_in_service_is_left_alone) {
  EndpointMachine machine = created(test_fleet("a"));
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, to_value(unhealthy_server("a"))}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
