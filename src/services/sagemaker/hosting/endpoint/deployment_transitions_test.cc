// How a new fleet takes the traffic over from the one before it, and what happens when it fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/hosting/endpoint/test_endpoint_machine.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace events = endpoint_events;

TEST(EndpointTransition, All_at_once_switches_when_the_new_fleet_is_ready) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b")));
  EXPECT_EQ(machine.record.status, "Updating");
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_FALSE(machine.apply({events::kUpdateRequested, to_value(request(test_fleet("c")))}));
  machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b")));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b")));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "b");
  ASSERT_TRUE(machine.task("Stop"));
  EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(kDrainSeconds));
}

TEST(EndpointTransition, All_at_once_bakes_before_the_old_fleet_goes) {
  EndpointMachine machine = in_service(test_fleet("a"));
  DeploymentPolicy how = policy(deployment_policies::kAllAtOnce, 100, 60);
  how.termination_wait_seconds = 120;
  EXPECT_TRUE(machine.update(test_fleet("b"), how));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b")));
  EXPECT_EQ(machine.record.status, "Updating");
  EXPECT_EQ(machine.traffic(), 1);
  EXPECT_EQ(machine.task("Advance")->delay, std::chrono::seconds(60));
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.record.active->id, "b");
  EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(120));
}

TEST(EndpointTransition, A_canary_gets_its_share_and_then_everything) {
  EndpointMachine machine = in_service(test_fleet("a", 4));
  EXPECT_TRUE(machine.update(test_fleet("b", 4), policy(deployment_policies::kCanary, 25, 10)));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b", 4)));
  EXPECT_EQ(machine.traffic(), 0.25);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Advance"));
  const engine::Event first{events::kAdvance, machine.task("Advance")->payload};
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.traffic(), 1);
  EXPECT_FALSE(machine.apply(first));  // the timer of a step that is over
}

TEST(EndpointTransition, A_canary_counted_in_instances) {
  EndpointMachine machine = in_service(test_fleet("a", 4));
  DeploymentPolicy how = policy(deployment_policies::kCanary, 1, 10);
  how.size_in_percent = false;
  EXPECT_TRUE(machine.update(test_fleet("b", 4), how));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b", 4)));
  EXPECT_EQ(machine.traffic(), 0.25);
}

TEST(EndpointTransition, Linear_goes_step_by_step) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b"), policy(deployment_policies::kLinear, 50, 1)));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b")));
  EXPECT_NEAR(machine.traffic(), 0.5, 1e-6);
  EXPECT_TRUE(machine.timer());
  EXPECT_NEAR(machine.traffic(), 1, 1e-6);
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.record.active->id, "b");
  EXPECT_EQ(machine.recorded(), "Succeeded");
}

TEST(EndpointTransition, Rolling_replaces_batch_by_batch) {
  EndpointMachine machine = in_service(test_fleet("a", 4));
  DeploymentPolicy how = policy(deployment_policies::kRolling, 50, 1);
  EXPECT_TRUE(machine.update(test_fleet("b", 4), how));
  EXPECT_EQ(machine.started().size(), 2u);
  EXPECT_TRUE(machine.ready_instances(test_fleet("b", 4)));
  EXPECT_EQ(machine.traffic(), 0.5);
  ASSERT_TRUE(machine.task("Stop"));
  EXPECT_EQ(machine.record.active->variants[0].ready_instances(), 2);
  // The exit of one that was retired is none to repair.
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(ServerRef{"a", 0, 0, 0, 0, 0, ""})}));
}

TEST(EndpointTransition, Rolling_ends_with_the_new_fleet_alone) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  EXPECT_TRUE(machine.update(test_fleet("b", 2), policy(deployment_policies::kRolling, 50, 1)));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b", 2)));
  EXPECT_TRUE(machine.timer());
  ASSERT_EQ(machine.started().size(), 1u);
  EXPECT_EQ(machine.started()[0].instance, 1);
  EXPECT_TRUE(machine.ready_instances(test_fleet("b", 2)));
  EXPECT_TRUE(machine.timer());
  EXPECT_EQ(machine.record.active->id, "b");
  EXPECT_EQ(machine.record.active->variants[0].ready_instances(), 2);
}

TEST(EndpointTransition, A_rolling_update_that_fails_brings_the_old_instances_back) {
  EndpointMachine machine = in_service(test_fleet("a", 2));
  EXPECT_TRUE(machine.update(test_fleet("b", 2), policy(deployment_policies::kRolling, 50, 1)));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b", 2)));
  EXPECT_TRUE(machine.timer());
  EXPECT_TRUE(machine.failed("b", "no memory"));
  EXPECT_EQ(machine.record.status, "RollingBack");
  EXPECT_EQ(machine.recorded(), "RolledBack");
  const engine::Task* restart = machine.task("RestartServer");
  ASSERT_TRUE(restart);
  ServerRef ref;
  ASSERT_TRUE(from_value(restart->payload, ref));
  EXPECT_EQ(ref.instance, 0);
  EXPECT_EQ(ref.attempt, 1);
  EXPECT_TRUE(machine.apply({events::kServerReady, to_value(ref)}));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "a");
}

TEST(EndpointTransition, A_failed_update_rolls_back) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b")));
  EXPECT_TRUE(machine.failed("b", "no model_fn"));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_EQ(machine.record.failure_reason, "no model_fn");
  EXPECT_THAT(machine.task_types(), ElementsAre("Stop", "Record"));
}

TEST(EndpointTransition, A_server_of_the_new_fleet_that_dies_while_it_bakes_rolls_back) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b"), policy(deployment_policies::kCanary, 10, 60)));
  EXPECT_TRUE(machine.ready_instances(test_fleet("b")));
  EXPECT_TRUE(machine.apply(
      {events::kServerExited, to_value(ServerRef{"b", 0, 0, 0, 0, 0, "exit code 3"})}));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("exit code 3"));
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Stop", "Record"));
}

TEST(EndpointTransition, A_deployment_has_its_time) {
  EndpointMachine machine = in_service(test_fleet("a"));
  DeploymentPolicy how = policy(deployment_policies::kLinear, 10, 100);
  how.time_max_seconds = 600;
  EXPECT_TRUE(machine.update(test_fleet("b"), how));
  const engine::Task* limit = machine.task("TimeOut");
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->delay, std::chrono::seconds(600));
  const engine::Event over{events::kTimeOut, limit->payload};
  EXPECT_TRUE(machine.apply(over));
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("600"));
  EXPECT_FALSE(machine.apply(over));
}

TEST(EndpointTransition, A_server_that_ends_while_others_start_is_not_taken_for_one_that_runs) {
  EndpointMachine machine = in_service(test_fleet("a"));
  EXPECT_TRUE(machine.update(test_fleet("b", 2)));
  const Fleet found = ready(test_fleet("b", 2), machine.started());
  EXPECT_TRUE(machine.apply(
      {events::kServerExited, to_value(ServerRef{"b", 0, 0, 0, 0, 0, "exit code 1"})}));
  EXPECT_TRUE(machine.apply({events::kInstancesReady, to_value(found)}));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "a");
  EXPECT_EQ(machine.recorded(), "RolledBack");
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
