#include "services/sagemaker/endpoint/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/endpoint/instance_spec.h"

namespace tidemill::services::sagemaker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Timestamp kNow{1'000'000};

Fleet fleet(const std::string& id, std::size_t instances = 1) {
  Fleet out;
  out.id = id;
  out.config_name = "config-" + id;
  Variant variant;
  variant.name = "AllTraffic";
  variant.native = instances == 0;
  variant.instances.resize(instances);
  out.variants.push_back(variant);
  return out;
}

Fleet ready(Fleet from) {
  for (Variant& variant : from.variants)
    for (Instance& instance : variant.instances) instance = {instance.attempt, 4000, true};
  return from;
}

engine::Event failed(const std::string& id, std::string reason) {
  InstanceRef ref;
  ref.fleet = id;
  ref.reason = std::move(reason);
  return {endpoint_events::kFleetFailed, to_value(ref)};
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
  bool ready_fleet(const Fleet& from) {
    return apply({endpoint_events::kFleetReady, to_value(ready(from))});
  }
  std::vector<std::string> task_types() const {
    std::vector<std::string> types;
    for (const engine::Task& task : tasks) types.push_back(task.type);
    return types;
  }
};

Machine created(const Fleet& first) {
  Machine machine;
  engine::Step<Endpoint> step = begin_endpoint(Endpoint{}, first, kNow);
  machine.endpoint = step.next;
  machine.tasks = step.tasks;
  return machine;
}

Machine in_service(const Fleet& first) {
  Machine machine = created(first);
  EXPECT_TRUE(machine.ready_fleet(first));
  return machine;
}

TEST(EndpointTransition, Creation_starts_the_fleet) {
  Machine machine = created(fleet("a"));
  EXPECT_EQ(machine.endpoint.status, "Creating");
  EXPECT_THAT(machine.task_types(), ElementsAre("StartFleet"));
  EXPECT_TRUE(machine.ready_fleet(fleet("a")));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
  EXPECT_FALSE(machine.endpoint.pending);
}

TEST(EndpointTransition, A_first_fleet_that_fails_fails_the_endpoint) {
  Machine machine = created(fleet("a"));
  EXPECT_TRUE(machine.apply(failed("a", std::string(5000, 'x'))));
  EXPECT_EQ(machine.endpoint.status, "Failed");
  EXPECT_EQ(machine.endpoint.failure_reason.size(), kFailureReasonBytesMax);
  EXPECT_EQ(machine.endpoint.failed_config, "config-a");
  EXPECT_THAT(machine.task_types(), ElementsAre("StopFleet"));
  EXPECT_FALSE(machine.apply(failed("a", "again")));
}

TEST(EndpointTransition, An_update_switches_when_the_new_fleet_is_ready) {
  Machine machine = in_service(fleet("a"));
  EXPECT_TRUE(machine.apply({endpoint_events::kUpdateRequested, to_value(fleet("b"))}));
  EXPECT_EQ(machine.endpoint.status, "Updating");
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_FALSE(machine.apply({endpoint_events::kUpdateRequested, to_value(fleet("c"))}));
  EXPECT_TRUE(machine.ready_fleet(fleet("b")));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "b");
  ASSERT_THAT(machine.task_types(), ElementsAre("Publish", "StopFleet"));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(kDrainSeconds));
}

TEST(EndpointTransition, A_failed_update_rolls_back) {
  Machine machine = in_service(fleet("a"));
  machine.apply({endpoint_events::kUpdateRequested, to_value(fleet("b"))});
  EXPECT_TRUE(machine.apply(failed("b", "no model_fn")));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_EQ(machine.endpoint.active->id, "a");
  EXPECT_EQ(machine.endpoint.failure_reason, "no model_fn");
  EXPECT_THAT(machine.task_types(), ElementsAre("StopFleet"));
}

TEST(EndpointTransition, An_update_repairs_a_failed_endpoint) {
  Machine machine = created(fleet("a"));
  machine.apply(failed("a", "broken"));
  EXPECT_TRUE(machine.apply({endpoint_events::kUpdateRequested, to_value(fleet("b"))}));
  EXPECT_TRUE(machine.ready_fleet(fleet("b")));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_THAT(machine.endpoint.failure_reason, IsEmpty());
}

TEST(EndpointTransition, An_instance_that_ends_is_started_again_with_growing_delay) {
  Machine machine = in_service(fleet("a", 2));
  InstanceRef ref{"a", 0, 1, 0, 0, "exit code 1"};
  EXPECT_TRUE(machine.apply({endpoint_events::kInstanceExited, to_value(ref)}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_FALSE(machine.endpoint.active->variants[0].instances[1].ready);
  EXPECT_TRUE(machine.endpoint.active->variants[0].instances[0].ready);
  ASSERT_THAT(machine.task_types(), ElementsAre("Publish", "RestartInstance"));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(1));
  EXPECT_FALSE(
      machine.apply({endpoint_events::kInstanceExited, to_value(ref)}));  // that attempt is over
  ref.attempt = 1;
  EXPECT_TRUE(machine.apply({endpoint_events::kInstanceExited, to_value(ref)}));
  EXPECT_EQ(machine.tasks[1].delay, std::chrono::seconds(2));
  ref.attempt = 2;
  ref.port = 4321;
  EXPECT_TRUE(machine.apply({endpoint_events::kInstanceReady, to_value(ref)}));
  EXPECT_EQ(machine.endpoint.active->variants[0].instances[1].port, 4321);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
}

TEST(EndpointTransition, Exits_of_unknown_instances_are_stale) {
  Machine machine = in_service(fleet("a"));
  for (InstanceRef ref : {InstanceRef{"b", 0, 0, 0, 0, ""}, InstanceRef{"a", 7, 0, 0, 0, ""},
                          InstanceRef{"a", 0, -1, 0, 0, ""}})
    EXPECT_FALSE(machine.apply({endpoint_events::kInstanceExited, to_value(ref)}));
}

TEST(EndpointTransition, Weights_change_in_place) {
  Machine machine = in_service(fleet("a", 0));
  ValueObject change, all;
  change.append("weight", 0.25);
  all.append("AllTraffic", change);
  EXPECT_TRUE(machine.apply({endpoint_events::kWeightsRequested, all}));
  EXPECT_EQ(machine.endpoint.status, "Updating");
  EXPECT_EQ(machine.endpoint.active->variants[0].weight, 0.25);
  EXPECT_TRUE(machine.apply({endpoint_events::kPublished, {}}));
  EXPECT_EQ(machine.endpoint.status, "InService");
  EXPECT_FALSE(machine.apply({endpoint_events::kPublished, {}}));
}

TEST(EndpointTransition, Deleting_ends_everything_else) {
  Machine machine = created(fleet("a"));
  EXPECT_TRUE(machine.apply({endpoint_events::kDeleteRequested, {}}));
  EXPECT_EQ(machine.endpoint.status, "Deleting");
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_FALSE(machine.ready_fleet(fleet("a")));
  EXPECT_FALSE(machine.apply(failed("a", "x")));
  EXPECT_FALSE(machine.apply({endpoint_events::kDeleteRequested, {}}));
}

TEST(EndpointTransition, A_task_that_was_given_up_fails_the_fleet) {
  Machine machine = created(fleet("a"));
  ValueObject payload;
  payload.append("task", "StartFleet");
  payload.append("message", "disk full");
  EXPECT_TRUE(machine.apply({endpoint_events::kTaskFailed, payload}));
  EXPECT_EQ(machine.endpoint.status, "Failed");
  EXPECT_THAT(machine.endpoint.failure_reason, HasSubstr("disk full"));
}

TEST(InstanceJobId, Says_whose_it_is) {
  Endpoint endpoint;
  endpoint.account = "111122223333";
  endpoint.region = "us-east-1";
  endpoint.name = "churn-2026";
  const std::string id = instance_job_id(endpoint, {"abcdefghij", 1, 2, 3, 0, ""});
  auto job = parse_instance_job_id(id);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->endpoint, "churn-2026");
  EXPECT_EQ(job->ref.fleet, "abcdefghij");
  EXPECT_EQ(job->ref.variant, 1);
  EXPECT_EQ(job->ref.instance, 2);
  EXPECT_EQ(job->ref.attempt, 3);
  EXPECT_FALSE(parse_instance_job_id("training.x"));
  EXPECT_FALSE(parse_instance_job_id("endpoint.a.b.c.d.1.2.x"));
  endpoint.name = std::string(63, 'n');
  endpoint.region = "ap-northeast-1";
  EXPECT_LE(instance_job_id(endpoint, {"abcdefghij", 9, 31, 9999, 0, ""}).size(), 128u);
}

TEST(ReasonFromLog, Keeps_the_traceback_and_its_end) {
  std::string log = "starting\nTraceback (most recent call last):\n";
  for (int i = 0; i < 50; ++i) log += "  File \"x.py\", line " + std::to_string(i) + "\n";
  log += "ValueError: no such column\n";
  const std::string reason = reason_from_log(log, 300);
  EXPECT_LE(reason.size(), 300u);
  EXPECT_THAT(reason, ::testing::StartsWith("Traceback (most recent call last):\n  ...\n"));
  EXPECT_THAT(reason, ::testing::EndsWith("ValueError: no such column"));
  EXPECT_EQ(reason_from_log("just this\n", 300), "just this");
}

}  // namespace
}  // namespace tidemill::services::sagemaker
