#include "services/sagemaker/hosting/inference_component/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/transitions.h"
#include "services/sagemaker/hosting/fleet/test_fleet_machine.h"
#include "services/sagemaker/hosting/inference_component/events.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace events = component_events;

ComponentSpecification specification(const std::string& model) {
  ComponentSpecification out;
  out.model_name = model;
  return out;
}

ComponentUpdate update(Fleet to, Rollout rollout = {}) {
  ComponentUpdate out;
  out.specification = specification("model-of-" + to.id);
  out.fleet = std::move(to);
  out.rollout = std::move(rollout);
  return out;
}

Rollout rolling(std::int64_t batch, std::int64_t wait_seconds) {
  Rollout out;
  out.batch = batch;
  out.wait_seconds = wait_seconds;
  return out;
}

// The event that the task Publish with this payload sends; null: none was asked for yet.
engine::Event published(const Value& publication) {
  events::Published out;
  if (!publication.is_null()) EXPECT_TRUE(tidemill::from_value(publication, out.number));
  return engine::event_of(out);
}

struct Machine : TestMachine<InferenceComponent, component_transition> {
  Value publication;  // the last that was asked for

  bool apply(const engine::Event& event) {
    if (!TestMachine::apply(event)) return false;
    if (const engine::Task* publish = task("Publish")) publication = publish->payload;
    return true;
  }
  // The copies that StartCopies asks for.
  std::vector<std::int64_t> started() const {
    InstancesRef ref;
    if (const engine::Task* start = task("StartCopies"))
      EXPECT_TRUE(from_value(start->payload, ref));
    std::vector<std::int64_t> out;
    for (const InstanceIndex& at : ref.instances) out.push_back(at.instance);
    return out;
  }
  // The instances that the task Stop stops.
  LeavingInstances leaving() const {
    StopRef ref;
    const engine::Task* stop = task("Stop");
    EXPECT_TRUE(stop) << "nothing is stopped";
    if (stop) EXPECT_TRUE(from_value(stop->payload, ref));
    for (const LeavingInstances& each : record.leaving)
      if (each.id == ref.id) return each;
    ADD_FAILURE() << "what is stopped is not in the record";
    return {};
  }
  // The copies that StartCopies asked for are ready.
  bool come_up() {
    InstancesRef ref;
    EXPECT_TRUE(task("StartCopies"));
    EXPECT_TRUE(from_value(task("StartCopies")->payload, ref));
    return apply({events::kCopiesReady,
                  to_value(hosting::ready(*find_fleet(record, ref.fleet), ref.instances))});
  }
  bool publish() { return apply(published(publication)); }
  bool want(std::int64_t copies) {
    return apply(engine::event_of(events::CopiesRequested{copies}));
  }
  bool fail_start(const std::string& reason) {
    InstancesRef ref;
    EXPECT_TRUE(from_value(task("StartCopies")->payload, ref));
    ref.reason = reason;
    return apply({events::kCopiesFailed, to_value(ref)});
  }
  std::int64_t ready() const { return record.active->variants[0].ready_instances(); }
};

Machine created(Fleet first) {
  Machine machine;
  InferenceComponent component;
  component.name = "small";
  auto step = begin_component(component, update(std::move(first)), kTestNow);
  machine.record = step.next;
  machine.tasks = step.tasks;
  return machine;
}

Machine in_service(std::int64_t copies, const char* engine = engines::kPython) {
  Machine machine = created(test_fleet("one", copies, engine));
  EXPECT_TRUE(machine.come_up());
  EXPECT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  return machine;
}

TEST(InferenceComponentTransitions, Creation_is_over_when_its_route_is_published) {
  Machine machine = created(test_fleet("one", 2));
  EXPECT_EQ(machine.record.status, "Creating");
  EXPECT_THAT(machine.started(), ElementsAre(0, 1));
  EXPECT_FALSE(machine.publish());  // of something else
  ASSERT_TRUE(machine.come_up());
  EXPECT_EQ(machine.record.status, "Creating");
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish"));
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.copies, 2);
  EXPECT_EQ(machine.record.specification.model_name, "model-of-one");
  EXPECT_THAT(machine.tasks, IsEmpty());
}

TEST(InferenceComponentTransitions, A_first_fleet_that_fails_fails_the_component) {
  Machine machine = created(test_fleet("one", 1));
  ASSERT_TRUE(machine.fail_start("no such model"));
  EXPECT_EQ(machine.record.status, "Failed");
  EXPECT_EQ(machine.record.failure_reason, "no such model");
  EXPECT_EQ(machine.record.specification.model_name, "model-of-one");
  EXPECT_EQ(machine.leaving().fleet.id, "one");
  EXPECT_FALSE(machine.want(1));
  // A new specification may do better.
  ASSERT_TRUE(machine.apply({events::kUpdateRequested, to_value(update(test_fleet("two", 1)))}));
  EXPECT_EQ(machine.record.status, "Updating");
  ASSERT_TRUE(machine.come_up());
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.failure_reason, "");
}

// An exit between the last look of whoever starts copies and what it says of them.
TEST(InferenceComponentTransitions, A_copy_that_ends_while_others_start_is_not_ready) {
  const engine::Event exit{events::kServerExited,
                           to_value(ServerRef{"one", 0, 1, 0, 0, 0, "exit code 1"})};
  Machine first = created(test_fleet("one", 2));
  const Value both = to_value(ready(*first.record.pending, {{0, 0}, {0, 1}}));
  ASSERT_TRUE(first.apply(exit));
  EXPECT_EQ(first.record.status, "Creating");
  ASSERT_TRUE(first.apply({events::kCopiesReady, both}));
  EXPECT_EQ(first.record.status, "Failed");
  EXPECT_THAT(first.record.failure_reason, HasSubstr("ended"));

  Machine more = in_service(1);
  ASSERT_TRUE(more.want(3));
  const Value grown = to_value(ready(*more.record.active, {{0, 1}, {0, 2}}));
  ASSERT_TRUE(more.apply(exit));
  ASSERT_TRUE(more.apply({events::kCopiesReady, grown}));
  EXPECT_EQ(more.record.copies, 1);
  EXPECT_EQ(more.leaving().instances.size(), 2u);
  ASSERT_TRUE(more.publish());
  EXPECT_EQ(more.record.status, "InService");
}

TEST(InferenceComponentTransitions, A_component_without_room_has_failed_from_the_start) {
  auto step = refuse_component({}, update(test_fleet("one", 3)), "no room", kTestNow);
  EXPECT_EQ(step.next.status, "Failed");
  EXPECT_EQ(step.next.failure_reason, "no room");
  EXPECT_EQ(step.next.copies, 3);
  EXPECT_FALSE(step.next.active || step.next.pending);
  EXPECT_THAT(step.tasks, IsEmpty());
}

TEST(InferenceComponentTransitions, More_copies_are_started_beside_those_that_answer) {
  Machine machine = in_service(1);
  ASSERT_TRUE(machine.want(3));
  EXPECT_EQ(machine.record.status, "Updating");
  EXPECT_THAT(machine.started(), ElementsAre(1, 2));
  EXPECT_EQ(machine.ready(), 1);
  EXPECT_FALSE(machine.want(2));  // one change at a time
  ASSERT_TRUE(machine.come_up());
  EXPECT_EQ(machine.ready(), 3);
  EXPECT_EQ(machine.record.status, "Updating");
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.copies, 3);
}

TEST(InferenceComponentTransitions, Copies_go_to_none_and_come_back_as_other_attempts) {
  Machine machine = in_service(2);
  ASSERT_TRUE(machine.want(0));
  EXPECT_EQ(machine.leaving().instances.size(), 2u);
  EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(kDrainSeconds));
  ASSERT_TRUE(machine.task("Publish"));
  const engine::Event gone{events::kStopped, machine.task("Stop")->payload};
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.copies, 0);
  // The first ones are not stopped yet:
  ASSERT_TRUE(machine.want(1));
  EXPECT_EQ(machine.record.active->variants[0].instances[0].servers[0].attempt, 1);
  ASSERT_EQ(machine.record.leaving.size(), 1u);
  ASSERT_TRUE(machine.come_up());
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.ready(), 1);
  ASSERT_TRUE(machine.apply(gone));
  EXPECT_THAT(machine.record.leaving, IsEmpty());
  EXPECT_FALSE(machine.apply(gone));
}

TEST(InferenceComponentTransitions, Copies_that_do_not_come_up_leave_the_others_as_they_were) {
  Machine machine = in_service(1);
  ASSERT_TRUE(machine.want(3));
  ASSERT_TRUE(machine.fail_start("no memory"));
  EXPECT_EQ(machine.record.copies, 1);
  EXPECT_EQ(machine.record.active->variants[0].instances.size(), 1u);
  EXPECT_EQ(machine.leaving().instances.size(), 2u);
  EXPECT_EQ(machine.record.status, "Updating");
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.failure_reason, "no memory");
}

TEST(InferenceComponentTransitions, An_update_replaces_all_copies_at_once) {
  Machine machine = in_service(2);
  ASSERT_TRUE(machine.apply({events::kUpdateRequested, to_value(update(test_fleet("two", 2)))}));
  EXPECT_THAT(machine.started(), ElementsAre(0, 1));
  EXPECT_EQ(machine.ready(), 2);
  ASSERT_TRUE(machine.come_up());
  EXPECT_EQ(machine.ready(), 0);  // from the publication on the new ones answer
  EXPECT_EQ(machine.record.specification.model_name, "model-of-one");
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.active->id, "two");
  EXPECT_EQ(machine.record.specification.model_name, "model-of-two");
  EXPECT_EQ(machine.leaving().fleet.id, "one");
  EXPECT_TRUE(machine.leaving().whole);
}

TEST(InferenceComponentTransitions, A_rolling_update_goes_batch_by_batch_and_bakes) {
  Machine machine = in_service(4);
  ASSERT_TRUE(machine.apply(
      {events::kUpdateRequested, to_value(update(test_fleet("two", 4), rolling(2, 30)))}));
  EXPECT_THAT(machine.started(), ElementsAre(0, 1));
  ASSERT_TRUE(machine.come_up());
  EXPECT_EQ(machine.ready(), 2);
  EXPECT_EQ(machine.leaving().instances.size(), 2u);
  ASSERT_TRUE(machine.publish());
  ASSERT_TRUE(machine.task("Advance"));
  EXPECT_EQ(machine.task("Advance")->delay, std::chrono::seconds(30));
  const Value timer = machine.task("Advance")->payload;
  ASSERT_TRUE(machine.apply({events::kAdvance, timer}));
  EXPECT_THAT(machine.started(), ElementsAre(2, 3));
  EXPECT_FALSE(machine.apply({events::kAdvance, timer}));  // a timer of an earlier step
}

TEST(InferenceComponentTransitions, A_rolling_update_that_fails_brings_back_what_had_made_room) {
  Machine machine = in_service(4);
  ASSERT_TRUE(machine.apply(
      {events::kUpdateRequested, to_value(update(test_fleet("two", 4), rolling(2, 0)))}));
  ASSERT_TRUE(machine.come_up());
  ASSERT_TRUE(machine.publish());
  ASSERT_TRUE(machine.fail_start("broken"));
  EXPECT_EQ(machine.record.status, "Updating");
  EXPECT_EQ(machine.record.failure_reason, "broken");
  EXPECT_THAT(machine.task_types(),
              ElementsAre("RestartServer", "RestartServer", "Publish", "Stop"));
  EXPECT_EQ(machine.leaving().fleet.id, "two");
  ASSERT_FALSE(machine.publish());  // two of four are still missing
  for (std::int64_t i = 0; i < 2; ++i)
    ASSERT_TRUE(
        machine.apply({events::kServerReady, to_value(ServerRef{"one", 0, i, 0, 1, 5000, {}})}));
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.record.specification.model_name, "model-of-one");
  EXPECT_EQ(machine.record.copies, 4);
}

TEST(InferenceComponentTransitions, Native_copies_come_back_without_a_start) {
  Machine machine = in_service(2, engines::kNative);
  ASSERT_TRUE(
      machine.apply({events::kUpdateRequested,
                     to_value(update(test_fleet("two", 2, engines::kNative), rolling(1, 0)))}));
  ASSERT_TRUE(machine.come_up());
  EXPECT_EQ(machine.ready(), 1);
  ASSERT_TRUE(machine.publish());
  ASSERT_TRUE(machine.fail_start("broken"));
  EXPECT_EQ(machine.ready(), 2);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "Stop"));
}

TEST(InferenceComponentTransitions, An_update_has_its_time) {
  Machine machine = in_service(1);
  Rollout rollout = rolling(1, 0);
  rollout.time_max_seconds = 600;
  ASSERT_TRUE(
      machine.apply({events::kUpdateRequested, to_value(update(test_fleet("two", 1), rollout))}));
  ASSERT_TRUE(machine.task("TimeOut"));
  EXPECT_EQ(machine.task("TimeOut")->delay, std::chrono::seconds(600));
  const Value timer = machine.task("TimeOut")->payload;
  ASSERT_TRUE(machine.apply({events::kTimeOut, timer}));
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("600"));
  EXPECT_FALSE(machine.apply({events::kTimeOut, timer}));
}

TEST(InferenceComponentTransitions, A_copy_that_ends_is_started_again) {
  Machine machine = in_service(2);
  const ServerRef ended{"one", 0, 1, 0, 0, 0, "exit code 7"};
  ASSERT_TRUE(machine.apply({events::kServerExited, to_value(ended)}));
  EXPECT_EQ(machine.record.status, "InService");
  EXPECT_EQ(machine.ready(), 1);
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "RestartServer"));
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(ended)}));
  // It fails to come up once, then comes.
  ServerRef again = ended;
  again.attempt = 1;
  EXPECT_FALSE(machine.apply({events::kServerExited, to_value(again)}));
  ASSERT_TRUE(machine.apply({events::kRestartFailed, to_value(again)}));
  EXPECT_EQ(machine.task("RestartServer")->delay, std::chrono::seconds(2));
  again.attempt = 2;
  again.port = 4100;
  ASSERT_TRUE(machine.apply({events::kServerReady, to_value(again)}));
  EXPECT_EQ(machine.ready(), 2);
}

TEST(InferenceComponentTransitions, A_new_copy_that_ends_during_an_update_rolls_it_back) {
  Machine machine = in_service(1);
  ASSERT_TRUE(machine.apply(
      {events::kUpdateRequested, to_value(update(test_fleet("two", 2), rolling(1, 60)))}));
  ASSERT_TRUE(machine.come_up());
  ASSERT_TRUE(machine.publish());
  ASSERT_TRUE(machine.apply(
      {events::kServerExited, to_value(ServerRef{"two", 0, 0, 0, 0, 0, "exit code 3"})}));
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("exit code 3"));
  EXPECT_FALSE(machine.record.pending);
  EXPECT_EQ(machine.record.active->id, "one");
}

TEST(InferenceComponentTransitions, Nothing_but_the_removal_follows_a_deletion) {
  Machine machine = in_service(1);
  ASSERT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_EQ(machine.record.status, "Deleting");
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_FALSE(machine.want(2));
  EXPECT_FALSE(machine.publish());
  EXPECT_FALSE(machine.apply({events::kDeleteRequested, {}}));
  EXPECT_FALSE(
      machine.apply({events::kServerExited, to_value(ServerRef{"one", 0, 0, 0, 0, 0, {}})}));
}

TEST(InferenceComponentTransitions, Only_the_last_publication_says_that_requests_reach_the_copies) {
  Machine machine = in_service(2);
  const ServerRef ended{"one", 0, 1, 0, 0, 0, "exit code 7"};
  ASSERT_TRUE(machine.apply({events::kServerExited, to_value(ended)}));
  const engine::Event earlier = published(machine.task("Publish")->payload);
  ASSERT_TRUE(machine.apply({events::kUpdateRequested, to_value(update(test_fleet("two", 2)))}));
  ASSERT_TRUE(machine.come_up());
  EXPECT_FALSE(machine.apply(earlier));
  EXPECT_EQ(machine.record.status, "Updating");
  ASSERT_TRUE(machine.publish());
  EXPECT_EQ(machine.record.status, "InService");
}

TEST(InferenceComponentTransitions, What_was_given_up_is_asked_for_again) {
  Machine machine = in_service(2);
  ASSERT_TRUE(machine.want(1));
  const Value stop = machine.task("Stop")->payload;
  ASSERT_TRUE(machine.publish());
  ASSERT_TRUE(
      machine.apply({events::kServerExited, to_value(ServerRef{"one", 0, 0, 0, 0, 0, {}})}));
  for (const char* task : {"Publish", "RestartServer", "Stop"}) {
    ASSERT_TRUE(machine.give_up(task));
    EXPECT_THAT(machine.task_types(), ElementsAre(task));
    EXPECT_GT(machine.tasks[0].delay, std::chrono::seconds(0));
  }
  EXPECT_EQ(machine.task("Stop")->payload, stop);
  ASSERT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  ASSERT_TRUE(machine.give_up("Remove"));
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
}

TEST(InferenceComponentTransitions, A_start_that_the_engine_gave_up_on_has_failed) {
  Machine machine = created(test_fleet("one", 1));
  ASSERT_TRUE(machine.give_up("StartCopies", "the disk is full"));
  EXPECT_EQ(machine.record.status, "Failed");
  EXPECT_THAT(machine.record.failure_reason, HasSubstr("the disk is full"));
}

TEST(InferenceComponentTransitions, A_copy_that_fails_its_health_check_is_ended_and_started_again) {
  Machine machine = in_service(2);
  const ServerRef ref{machine.record.active->id, 0, 1, 0, 0, 0, "GET /ping failed", 2};
  ASSERT_TRUE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Publish", "RestartServer", "EndServer"));
  EXPECT_EQ(machine.ready(), 1);
  ServerRef ended;
  ASSERT_TRUE(from_value(machine.task("EndServer")->payload, ended));
  EXPECT_EQ(ended.attempt, 0);
  EXPECT_EQ(ended.stop_grace_seconds, 2);
  EXPECT_FALSE(machine.apply({events::kServerUnhealthy, to_value(ref)}));
}

TEST(InferenceComponentTransitions, What_leaves_is_looked_at_again_while_requests_are_under_way) {
  Machine machine = in_service(2);
  ASSERT_TRUE(machine.want(1));
  EXPECT_EQ(machine.leaving().due, kTestNow + std::chrono::seconds(kDrainSeconds));
  for (const int seconds : {1, 2, 3, 4, 5, 5}) {
    ASSERT_TRUE(machine.apply({events::kDraining, Value(machine.task("Stop")->payload)}));
    EXPECT_EQ(machine.task("Stop")->delay, std::chrono::seconds(seconds));
  }
  const Value last = machine.task("Stop")->payload;
  ASSERT_TRUE(machine.apply({events::kStopped, last}));
  EXPECT_FALSE(machine.apply({events::kDraining, last}));
  ASSERT_TRUE(machine.publish());
  ASSERT_TRUE(machine.apply({events::kDeleteRequested, {}}));
  ASSERT_TRUE(machine.apply({events::kDraining, Value(machine.task("Remove")->payload)}));
  EXPECT_THAT(machine.task_types(), ElementsAre("Remove"));
  EXPECT_EQ(machine.task("Remove")->delay, std::chrono::seconds(1));
}

TEST(InferenceComponentTransitions, An_unknown_event_is_an_error) {
  const Machine machine = created(test_fleet("one", 1));
  EXPECT_FALSE(component_transition(machine.record, {"Repaint", {}}, kTestNow));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
