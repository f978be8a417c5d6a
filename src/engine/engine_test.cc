#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/test_eventually.h"
#include "engine/engine_test_machine.h"
#include "engine/make_engine.h"
#include "engine/task_record.h"
#include "store/memory/memory_store.h"

namespace tidemill::engine {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class EngineTest : public testing::Test {
 protected:
  void start_engine(RetryPolicy retry = {}, bool sequential = true) {
    Machine machine = make_machine("counter", counter_table(), &count, std::ref(handlers_), retry);
    machine.sequential_tasks = sequential;
    engine_ = make_engine(*store_, wall_, clock_, *random_, {.poll_interval = 5ms});
    engine_->add(std::move(machine));
    ASSERT_TRUE(engine_->start());
  }
  // Nothing runs by itself; run_all() runs what is due, and no sleep is needed to see that nothing
  // is.
  void start_stepped(RetryPolicy retry = {}) {
    engine_ = make_engine(*store_, wall_, clock_, *random_, {.workers_max = 0});
    engine_->add(make_machine("counter", counter_table(), &count, std::ref(handlers_), retry));
    ASSERT_TRUE(engine_->start());
  }
  int run_all() {
    int ran = 0;
    while (run_one(*engine_, 0)) ++ran;
    return ran;
  }
  Result<void> create(const std::string& key, std::vector<Task> tasks = {}) {
    const Counter counter{"new"};
    return engine_->create("counter", key, to_json(counter), counter_table().index_keys(counter),
                           std::move(tasks));
  }
  void send(const std::string& key, const std::string& type, const std::string& name = "") {
    Result<bool> sent = engine_->send("counter", key, {type, payload_of("name", name)});
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_TRUE(*sent);
  }
  Counter load(const std::string& key) { return (*counter_table().get(*store_, key))->record; }
  bool wait_for_value(const std::string& key, std::int64_t value) {
    return engine_->wait_for("counter", key, 5s, [&](const std::optional<std::string>& text) {
      return text && from_json<Counter>(*text)->value >= value;
    });
  }
  bool wait_for_state(const std::string& key, const std::string& start) {
    return engine_->wait_for("counter", key, 5s, [&](const std::optional<std::string>& text) {
      return text && from_json<Counter>(*text)->state.starts_with(start);
    });
  }
  std::size_t tasks_in_store() {
    return store_->scan({.table = "engine_tasks", .limit = 1000})->rows.size();
  }

  std::unique_ptr<store::Store> store_ = store::make_memory_store(test_tables());
  ManualClock clock_{Timestamp{1'700'000'000'000'000}};  // for durations
  ManualClock wall_{Timestamp{1'800'000'000'000'000}};
  std::unique_ptr<Random> random_ = make_seeded_random(1);
  Handlers handlers_;
  std::unique_ptr<Engine> engine_;  // last: its threads use the rest
};

}  // namespace

TEST_F(EngineTest, TransitionCommitsRecordIndexAndTask) {
  start_engine();
  ASSERT_TRUE(create("a"));
  send("a", "Later", "x");
  EXPECT_THAT(load("a").applied, ElementsAre("Later x"));
  EXPECT_EQ(store_->scan({.table = "counters", .index = "by_state", .prefix = "new"})->rows.size(),
            1u);
  const store::Page tasks = *store_->scan({.table = "engine_tasks"});
  ASSERT_EQ(tasks.rows.size(), 1u);
  const TaskRecord task = *from_json<TaskRecord>(tasks.rows[0].value);
  EXPECT_EQ(task.type, "x");
  EXPECT_EQ(task.record_key, "a");
  EXPECT_EQ(task.due, clock_.now() + 1h);
}

TEST_F(EngineTest, TaskRunsAndItsEventsApplyOnce) {
  start_engine();
  ASSERT_TRUE(create("a", {{"first"}}));
  ASSERT_TRUE(wait_for_value("a", 1));
  send("a", "Run", "second");
  ASSERT_TRUE(wait_for_value("a", 2));
  EXPECT_EQ(tasks_in_store(), 0u);
  EXPECT_EQ(load("a").value, 2);
}

TEST_F(EngineTest, CreateOfExistingKeyConflictsAndMakesNoTask) {
  start_engine();
  ASSERT_TRUE(create("a"));
  EXPECT_EQ(create("a", {{"x", {}, 1h}}).error().code, codes::kConflict);
  EXPECT_EQ(tasks_in_store(), 0u);
}

TEST_F(EngineTest, CreateCommitsWhatTheCallerAdds) {
  start_engine();
  const Counter counter{"new"};
  store::Transaction transaction;
  counter_table().put(transaction, "beside", counter, 0);
  ASSERT_TRUE(engine_->create("counter", "a", to_json(counter), {}, {}, std::move(transaction)));
  EXPECT_EQ(load("beside").state, "new");
}

TEST_F(EngineTest, StaleEventDoesNotApply) {
  start_engine();
  ASSERT_TRUE(create("a"));
  send("a", "Stop");
  Result<bool> sent = engine_->send("counter", "a", {"Add", {}});
  ASSERT_TRUE(sent);
  EXPECT_FALSE(*sent);
  EXPECT_EQ(load("a").value, 0);
}

TEST_F(EngineTest, UnknownNamesAreErrors) {
  start_engine();
  EXPECT_EQ(engine_->send("counter", "none", {"Add", {}}).error().code, codes::kNotFound);
  EXPECT_EQ(engine_->erase("counter", "none").error().code, codes::kNotFound);
  EXPECT_EQ(engine_->send("nobody", "a", {"Add", {}}).error().code, codes::kInvalid);
  ASSERT_TRUE(create("a"));
  EXPECT_EQ(engine_->send("counter", "a", {"Broken", {}}).error().code, codes::kInvalid);
}

TEST_F(EngineTest, TimerFiresWhenTheClockSaysSo) {
  start_stepped();
  ASSERT_TRUE(create("a"));
  send("a", "Later", "x");
  clock_.advance(59min);
  EXPECT_EQ(run_all(), 0);
  EXPECT_EQ(load("a").value, 0);
  clock_.advance(1min);
  EXPECT_EQ(run_all(), 1);
  EXPECT_EQ(load("a").value, 1);
}

TEST_F(EngineTest, StepsOfTheWallClockNeitherFireNorDelayTimers) {
  start_stepped();
  ASSERT_TRUE(create("a"));
  send("a", "Later", "x");
  wall_.advance(24h);
  EXPECT_EQ(run_all(), 0);
  engine_.reset();  // nor across a restart
  start_stepped();
  EXPECT_EQ(run_all(), 0);
  EXPECT_EQ(load("a").value, 0);
  wall_.advance(-48h);
  clock_.advance(1h);
  EXPECT_EQ(run_all(), 1);
  EXPECT_EQ(load("a").value, 1);
}

TEST_F(EngineTest, TransitionsAreToldTheWallClocksTime) {
  std::atomic<std::int64_t> told = 0;
  Machine machine = make_machine(
      "counter", counter_table(),
      [&](const Counter& counter, const Event& event, Timestamp now) {
        told = now.microseconds;
        return count(counter, event, now);
      },
      std::ref(handlers_));
  engine_ = make_engine(*store_, wall_, clock_, *random_, {.poll_interval = 5ms});
  engine_->add(std::move(machine));
  ASSERT_TRUE(engine_->start());
  ASSERT_TRUE(create("a", {{"x"}}));
  ASSERT_TRUE(wait_for_value("a", 1));
  EXPECT_EQ(told, wall_.now().microseconds);
  told = 0;
  send("a", "Add");
  EXPECT_EQ(told, wall_.now().microseconds);
}

TEST_F(EngineTest, TimerBeyondTheHorizonFires) {
  start_engine();
  ASSERT_TRUE(create("a", {{"x", {}, std::chrono::days(30)}}));
  for (int day = 0; day < 29; ++day) {
    clock_.advance(24h);
    engine_->poll();
  }
  EXPECT_EQ(load("a").value, 0);
  clock_.advance(24h);
  EXPECT_TRUE(wait_for_value("a", 1));
}

TEST_F(EngineTest, FailedTaskIsTriedAgainLaterAndThenReported) {
  int calls = 0;
  handlers_.on("x", [&](const Counter&, const TaskRun& run) -> TaskResult {
    EXPECT_EQ(run.attempt, calls + 1);
    ++calls;
    return fail("Boom", "no luck");
  });
  start_stepped({.attempts_max = 3, .first_delay = 1000ms, .delay_max = 1500ms});
  ASSERT_TRUE(create("a", {{"x"}}));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_EQ(run_all(), 1) << "it must wait for the clock";
    EXPECT_EQ(calls, attempt);
    clock_.advance(1500ms);
  }
  EXPECT_EQ(load("a").state, "failed x: no luck");
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(tasks_in_store(), 0u);
}

TEST_F(EngineTest, ExceptionOfAHandlerIsAFailure) {
  handlers_.on("x", [](const Counter&, const TaskRun&) -> TaskResult {
    throw std::runtime_error("from a library");
  });
  start_engine({.attempts_max = 1});
  ASSERT_TRUE(create("a", {{"x"}}));
  ASSERT_TRUE(wait_for_state("a", "failed"));
  EXPECT_THAT(load("a").state, testing::HasSubstr("from a library"));
}

TEST_F(EngineTest, EventThatTheRecordCannotTakeFailsTheTask) {
  handlers_.on("x", [](const Counter&, const TaskRun&) -> TaskResult {
    return std::vector<Event>{{"Add", {}}, {"Broken", {}}};
  });
  start_engine({.attempts_max = 1});
  ASSERT_TRUE(create("a", {{"x"}}));
  ASSERT_TRUE(wait_for_state("a", "failed"));
  EXPECT_EQ(load("a").value, 0) << "the events of a task apply together";
}

TEST_F(EngineTest, TasksOfARecordRunInOrderAndAlone) {
  std::mutex mutex;
  std::vector<std::string> order;
  std::atomic<int> running = 0;
  std::atomic<bool> overlapped = false;
  auto handler = [&](const Counter&, const TaskRun& run) -> TaskResult {
    if (++running > 1) overlapped = true;
    std::this_thread::sleep_for(2ms);
    --running;
    if (run.type == "1" && run.attempt == 1) return fail("Boom", "once");
    std::lock_guard lock(mutex);
    order.push_back(run.type);
    return std::vector<Event>{{"Add", {}}};
  };
  for (const char* type : {"0", "1", "2", "3"}) handlers_.on(type, handler);
  start_engine({.first_delay = 10ms});
  ASSERT_TRUE(create("a", {{"0"}, {"1"}, {"2"}}));
  send("a", "Run", "3");
  for (int i = 0; i < 1000 && load("a").value < 4; ++i) {
    clock_.advance(1ms);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_THAT(order, ElementsAre("0", "1", "2", "3"));
  EXPECT_FALSE(overlapped);
}

TEST_F(EngineTest, WithoutOrderTasksOfARecordRunSideBySide) {
  std::atomic<bool> released = false;
  handlers_.on("waits", [&](const Counter&, const TaskRun& run) -> TaskResult {
    while (!released && !run.stop.stop_requested()) std::this_thread::sleep_for(1ms);
    return std::vector<Event>{{"Add", {}}};
  });
  handlers_.on("releases", [&](const Counter&, const TaskRun&) -> TaskResult {
    released = true;
    return std::vector<Event>{{"Add", {}}};
  });
  start_engine({}, false);
  ASSERT_TRUE(create("a", {{"waits"}, {"releases"}}));
  EXPECT_TRUE(wait_for_value("a", 2));
}

TEST_F(EngineTest, StopCancelsAndTheNextStartGoesOn) {
  std::atomic<int> calls = 0;
  handlers_.on("waits", [&](const Counter&, const TaskRun& run) -> TaskResult {
    EXPECT_EQ(run.attempt, 1) << "being stopped is no failed attempt";
    if (++calls > 1) return std::vector<Event>{{"Add", {}}};
    while (!run.stop.stop_requested()) std::this_thread::sleep_for(1ms);
    return fail(codes::kCancelled, "the engine stops");
  });
  start_engine();
  ASSERT_TRUE(create("a", {{"waits"}, {"after"}}));
  ASSERT_TRUE(eventually([&] { return calls > 0; }));
  engine_->stop();
  EXPECT_EQ(tasks_in_store(), 2u);
  start_engine();
  EXPECT_TRUE(wait_for_value("a", 2));
  EXPECT_EQ(calls, 2);
}

TEST_F(EngineTest, EraseDropsTasksAndEventsOfRunningOnes) {
  std::atomic<bool> entered = false, released = false;
  handlers_.on("waits", [&](const Counter&, const TaskRun&) -> TaskResult {
    entered = true;
    while (!released) std::this_thread::sleep_for(1ms);
    return std::vector<Event>{{"Add", {}}};
  });
  start_engine();
  ASSERT_TRUE(create("a", {{"waits"}, {"never"}, {"timer", {}, 1h}}));
  ASSERT_TRUE(create("ab", {{"timer", {}, 1h}}));
  ASSERT_TRUE(eventually([&] { return entered.load(); }));
  store::Transaction transaction;
  counter_table().put(transaction, "beside", Counter{"left"}, 0);
  ASSERT_TRUE(engine_->erase("counter", "a", std::move(transaction)));
  EXPECT_EQ(load("beside").state, "left");
  EXPECT_EQ(tasks_in_store(), 1u) << "only the other record's";
  ASSERT_TRUE(create("a", {{"timer", {}, 1h}}));
  released = true;
  engine_->stop();
  EXPECT_EQ(load("a").value, 0) << "the new record of that key is another one";
  EXPECT_EQ(tasks_in_store(), 2u);
}

TEST_F(EngineTest, ConcurrentSendsAllApply) {
  start_engine();
  ASSERT_TRUE(create("a"));
  constexpr int kThreads = 8, kSends = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kSends; ++i) EXPECT_TRUE(*engine_->send("counter", "a", {"Add", {}}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(load("a").value, kThreads * kSends);
}

TEST_F(EngineTest, RecordWrittenBesideTheEngineIsNotOverwritten) {
  handlers_.on("x", [&](const Counter&, const TaskRun&) -> TaskResult {
    store::Versioned<Counter> counter = **counter_table().get(*store_, "a");
    counter.record.state = "tagged";
    store::Transaction transaction;
    counter_table().put(transaction, "a", counter.record, counter.version);
    EXPECT_TRUE(store_->commit(std::move(transaction)));
    return std::vector<Event>{{"Add", {}}};
  });
  start_engine();
  ASSERT_TRUE(create("a", {{"x"}}));
  ASSERT_TRUE(wait_for_value("a", 1));
  EXPECT_EQ(load("a").state, "tagged");
}

TEST_F(EngineTest, WaitForEndsAtItsDeadlineAndSeesErasure) {
  start_engine();
  ASSERT_TRUE(create("a"));
  auto gone = [](const std::optional<std::string>& text) { return !text; };
  EXPECT_FALSE(engine_->wait_for("counter", "a", 10ms, gone));
  std::thread eraser([&] {
    std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(engine_->erase("counter", "a"));
  });
  EXPECT_TRUE(engine_->wait_for("counter", "a", 5s, gone));
  eraser.join();
}

}  // namespace tidemill::engine
