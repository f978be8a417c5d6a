// Waits for the end of other records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_eventually.h"
#include "engine/engine.h"
#include "engine/engine_test_machine.h"
#include "engine/outbox.h"
#include "engine/task_record.h"
#include "engine/wait_record.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"

namespace tidemill::engine {

namespace {

using namespace std::chrono_literals;

Value wait_for_other(const std::string& key) { return payload_of("name", key); }

// Like count(), and: "Await" {name}: waits for the counter `name`. "OtherEnded": records the
// EndOfWait. Ends are published.
Result<std::optional<Step<Counter>>> count_and_wait(const Counter& counter, const Event& event,
                                                    Timestamp now) {
  Step<Counter> step{counter};
  if (event.type == "Await") {
    step.waits.push_back(
        {"counter", text_of(event.payload, "name"), "OtherEnded", text_of(event.payload, "name")});
    return std::optional(std::move(step));
  }
  if (event.type == "OtherEnded") {
    const EndOfWait end = TRY(payload_of<EndOfWait>(event));
    const std::string* outcome = end.outcome.as_string();
    step.next.applied.push_back(end.id + (end.exists ? " ended " : " is gone") +
                                (outcome ? *outcome : ""));
    return std::optional(std::move(step));
  }
  if (event.type == "Again") {
    step.next.state = "new";
    return std::optional(std::move(step));
  }
  std::optional<Step<Counter>> counted = TRY(count(counter, event, now));
  if (counted && counted->next.state == "stopped")
    counted->published.push_back({.source = "test", .detail_type = "Stopped"});
  return counted;
}

class WaitsTest : public testing::Test {
 protected:
  WaitsTest() : store_(store::make_memory_store(test_tables())) { begin(*store_); }

  void begin(store::Store& store) {
    engine_.reset();
    outbox_ = std::make_unique<Outbox>(store, clock_, *random_);
    outbox_->add(Projection{.name = "p",
                            .sources = {"test"},
                            .rebuild = {},
                            .apply = [this](const PublishedEvent&) -> Result<void> {
                              ++published_;
                              return {};
                            }});
    engine_ = make_engine(store, clock_, *random_, {.poll_interval = 2ms});
    engine_->publish_to(*outbox_);
    Machine machine =
        make_machine("counter", counter_table(), &count_and_wait, std::ref(handlers_));
    machine.ended = ended_by<Counter>([](const Counter& counter) -> std::optional<Value> {
      if (counter.state != "stopped") return std::nullopt;
      return std::to_string(counter.value);
    });
    engine_->add(std::move(machine));
    while (!outbox_->start()) {
    }
    while (!engine_->start()) {
    }
  }
  void create(const std::string& key) {
    ASSERT_TRUE(engine_->create("counter", key, to_json(Counter{"new"}), {}, {}));
  }
  void send(const std::string& key, const std::string& type, Value payload = {}) {
    Result<bool> sent = engine_->send("counter", key, {type, std::move(payload)});
    ASSERT_TRUE(sent) << sent.error().message;
  }
  std::vector<std::string> applied(const std::string& key) {
    auto row = counter_table().get(*store_, key);
    return row && *row ? (*row)->record.applied : std::vector<std::string>{"no such record"};
  }
  bool told(const std::string& key, std::vector<std::string> what) {
    return eventually([&] { return applied(key) == what; });
  }
  std::size_t waiting() { return store_->scan({.table = "engine_waits"})->rows.size(); }

  ManualClock clock_{Timestamp{1'800'000'000'000'000}};
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  std::unique_ptr<store::Store> store_;
  Handlers handlers_;
  std::atomic<int> published_ = 0;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Engine> engine_;
};

TEST(EngineInvariants, Tasks_andWaitsNameTheirRecords) {
  const TaskRecord task{.machine = "m", .record_key = "a", .type = "T"};
  EXPECT_EQ(invariant(task), "");
  TaskRecord never_tried = task;
  never_tried.attempt = 0;
  EXPECT_NE(invariant(never_tried), "");
  WaitRecord wait{"m", "a", {"m", "b", "Ended"}};
  EXPECT_EQ(invariant(wait), "");
  wait.wait.event.clear();
  EXPECT_NE(invariant(wait), "");
  store::Transaction transaction;
  EXPECT_DEATH(task_table().put(transaction, "k", {}, 0), "engine_tasks.*k");
  EXPECT_DEATH(wait_table().put(transaction, "k", {}, 0), "engine_waits");
}

// Machines write their records without Table::put().
TEST(EngineInvariants, Step_thatBreaksOneEndsTheServer) {
  static const store::Table<Counter> table(
      "counters", {}, [](const Counter& counter) -> std::string_view {
        return counter.value < 0 ? "a counter does not go below zero" : "";
      });
  const Machine machine = make_machine<Counter>(
      "counter", table,
      [](const Counter& counter, const Event&, Timestamp) -> Result<std::optional<Step<Counter>>> {
        Step<Counter> step{counter};
        --step.next.value;
        return std::optional(std::move(step));
      },
      Handlers());
  EXPECT_TRUE(machine.transition("a", R"({"value":1})", {"Less", {}}, {}));
  EXPECT_DEATH((void)machine.transition("a", R"({"value":0})", {"Less", {}}, {}),
               "counters.*a.*below zero");
}

}  // namespace

TEST_F(WaitsTest, IsToldWhenTheOtherEnds) {
  create("a");
  create("b");
  create("c");
  send("b", "Await", wait_for_other("a"));
  send("c", "Await", wait_for_other("a"));
  send("a", "Add");
  EXPECT_EQ(waiting(), 2u);
  send("a", "Stop");
  EXPECT_TRUE(told("b", {"a ended 1"}));
  EXPECT_TRUE(told("c", {"a ended 1"}));
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(WaitsTest, IsToldOfOneThatHasEndedOrIsGone) {
  create("a");
  create("b");
  send("a", "Stop");
  send("b", "Await", wait_for_other("a"));
  EXPECT_TRUE(told("b", {"a ended 0"}));
  send("b", "Await", wait_for_other("never"));
  EXPECT_TRUE(told("b", {"a ended 0", "never is gone"}));
  create("c");
  send("b", "Await", wait_for_other("c"));
  ASSERT_TRUE(engine_->erase("counter", "c"));
  EXPECT_TRUE(told("b", {"a ended 0", "never is gone", "c is gone"}));
}

TEST_F(WaitsTest, AnEndCountsEvenIfTheOtherBeginsAgain) {
  create("a");
  create("b");
  send("b", "Await", wait_for_other("a"));
  // Reading the record later would not show that it ended in between.
  send("a", "Stop");
  send("a", "Again");
  EXPECT_TRUE(told("b", {"a ended 0"}));
}

TEST_F(WaitsTest, RegistrationsSurviveARestart) {
  create("a");
  create("b");
  send("b", "Await", wait_for_other("a"));
  engine_->stop();
  begin(*store_);
  send("a", "Stop");
  EXPECT_TRUE(told("b", {"a ended 0"}));
}

TEST_F(WaitsTest, AnEndWhileNobodyLookedIsFoundAtTheStart) {
  create("a");
  create("b");
  send("b", "Await", wait_for_other("a"));
  engine_->stop();
  store::Transaction transaction;
  counter_table().put(transaction, "a", Counter{"stopped", 4}, std::nullopt);
  ASSERT_TRUE(store_->commit(std::move(transaction)));
  begin(*store_);
  EXPECT_TRUE(told("b", {"a ended 4"}));
}

TEST_F(WaitsTest, WaitsGoWithTheRecordThatWaits) {
  create("a");
  create("b");
  send("b", "Await", wait_for_other("a"));
  ASSERT_TRUE(engine_->erase("counter", "b"));
  EXPECT_EQ(waiting(), 0u);
  create("b");
  send("a", "Stop");
  create("c");
  send("c", "Await", wait_for_other("a"));
  EXPECT_TRUE(told("c", {"a ended 0"}));
  EXPECT_TRUE(applied("b").empty()) << "a new record knows nothing of the old one's wait";
}

TEST_F(WaitsTest, ACreationMayWait) {
  create("a");
  store::Transaction transaction;
  ASSERT_TRUE(engine_->add_wait(transaction, "counter", "b", {"counter", "a", "OtherEnded", "a"}));
  ASSERT_TRUE(
      engine_->create("counter", "b", to_json(Counter{"new"}), {}, {}, std::move(transaction)));
  send("a", "Stop");
  EXPECT_TRUE(told("b", {"a ended 0"}));
}

TEST_F(WaitsTest, StepsPublish) {
  create("a");
  send("a", "Stop");
  ASSERT_TRUE(outbox_->catch_up(10s));
  EXPECT_EQ(published_, 1);
  send("a", "Stop");  // stale: no effect
  ASSERT_TRUE(outbox_->catch_up(10s));
  EXPECT_EQ(published_, 1);
}

// Each waiting record is told once, although commits fail before and after they wrote.
TEST_F(WaitsTest, EveryOneIsToldOnceThroughFaults) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> chance = make_seeded_random(seed);
  // No failing reads: after one, a registration that was made would be made again.
  store::FaultRates rates{.fail_before = 0.1, .fail_after = 0.1, .conflict = 0.05};
  std::unique_ptr<store::Store> faulty =
      store::make_fault_store(*store_, store::random_faults(*chance, rates));
  begin(*faulty);
  auto insist = [](auto call) {
    while (!call()) {
    }
  };
  constexpr int kPairs = 40;
  auto name = [](char letter, int number) { return letter + std::to_string(number); };
  for (int i = 0; i < kPairs; ++i)
    for (char letter : {'a', 'b'})
      insist([&] {
        (void)engine_->create("counter", name(letter, i), to_json(Counter{"new"}), {}, {});
        return store_->get("counters", name(letter, i))->has_value();
      });
  for (int i = 0; i < kPairs; ++i) {
    const bool stop_first = i % 2;
    auto stop = [&] { return engine_->send("counter", name('a', i), {"Stop", {}}).has_value(); };
    if (stop_first) insist(stop);
    insist([&] {
      const Event event{"Await", wait_for_other(name('a', i))};
      return engine_->send("counter", name('b', i), event).has_value();
    });
    if (!stop_first) insist(stop);
  }
  for (int i = 0; i < kPairs; ++i)
    EXPECT_TRUE(eventually([&] { return !applied(name('b', i)).empty(); })) << i;
  EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
  engine_->stop();
  for (int i = 0; i < kPairs; ++i)
    EXPECT_THAT(applied(name('b', i)), testing::ElementsAre(name('a', i) + " ended 0"));
  engine_.reset();
  outbox_.reset();
}

}  // namespace tidemill::engine
