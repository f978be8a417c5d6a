// The engine over a failing store, and across restarts: no event is lost or applied
// twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "base/random.h"
#include "base/test_eventually.h"
#include "engine/engine.h"
#include "engine/engine_test_machine.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"

namespace tidemill::engine {

namespace {

using namespace std::chrono_literals;
using store::FaultKind;

std::unique_ptr<Engine> start_on(store::Store& store, Clock& clock, Random& random,
                                 Handlers& handlers) {
  std::unique_ptr<Engine> engine = make_engine(store, clock, random, {.poll_interval = 2ms});
  engine->add(make_machine("counter", counter_table(), &count, std::ref(handlers),
                           {.attempts_max = 1000, .first_delay = 1ms, .delay_max = 5ms}));
  Result<void> started = engine->start();
  for (int i = 0; i < 100 && !started; ++i) started = engine->start();
  EXPECT_TRUE(started);
  return engine;
}

std::size_t tasks_in(store::Store& store) {
  return store.scan({.table = "engine_tasks", .limit = 1000})->rows.size();
}

class EngineFaults : public testing::TestWithParam<FaultKind> {
 protected:
  std::unique_ptr<store::Store> memory_ = store::make_memory_store(test_tables());
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(1);
  Handlers handlers_;
};

}  // namespace

// Whichever commit fails, in whichever way: the counter ends at exactly one.
TEST_P(EngineFaults, EachCommitOfATaskMayFail) {
  for (std::uint64_t failing = 1; failing <= 3; ++failing) {
    SCOPED_TRACE(failing);
    memory_ = store::make_memory_store(test_tables());
    std::unique_ptr<store::Store> store =
        store::make_fault_store(*memory_, store::faults_at_commits({{failing, GetParam()}}));
    std::unique_ptr<Engine> engine = start_on(*store, clock_, *random_, handlers_);
    auto create = [&] {
      return engine->create("counter", "a", to_json(Counter{"new"}), {}, {{"second"}});
    };
    Result<void> created = create();
    if (!created) created = create();
    ASSERT_TRUE(created) << created.error().message;
    ASSERT_TRUE(eventually([&] { return tasks_in(*memory_) == 0; }));
    Result<bool> sent = engine->send("counter", "a", {"Run", payload_of("name", "third")});
    if (!sent) sent = engine->send("counter", "a", {"Run", payload_of("name", "third")});
    ASSERT_TRUE(sent);
    ASSERT_TRUE(eventually([&] { return tasks_in(*memory_) == 0; }));
    engine->stop();
    const Counter counter = (*counter_table().get(*memory_, "a"))->record;
    EXPECT_EQ(counter.value, 2) << to_json(counter);
    EXPECT_EQ(counter.applied.size(), 3u) << to_json(counter);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EngineFaults,
                         testing::Values(FaultKind::fail_before, FaultKind::fail_after,
                                         FaultKind::storage_full, FaultKind::conflict));

// Timers of the next hour are loaded beside what goes on.
TEST_F(EngineFaults, AStartDoesNotWaitForTimersThatAreNotDueSoon) {
  ManualClock clock(Timestamp{1'800'000'000'000'000});
  {
    std::unique_ptr<Engine> engine = start_on(*memory_, clock, *random_, handlers_);
    for (int i = 0; i < 3000; ++i)
      ASSERT_TRUE(engine->create("counter", std::to_string(i), to_json(Counter{"new"}), {},
                                 {{.type = "ring", .delay = std::chrono::minutes(30)}}));
  }
  bool started = false;
  int scans_of_start = 0;  // the first tick's are on a thread of its own
  const std::thread::id here = std::this_thread::get_id();
  std::unique_ptr<store::Store> counting =
      store::make_fault_store(*memory_, [&](const store::FaultPoint& point) -> store::Fault {
        if (point.call == store::FaultPoint::Call::scan && std::this_thread::get_id() == here &&
            !started)
          ++scans_of_start;
        return {};
      });
  std::unique_ptr<Engine> engine =
      make_engine(*counting, clock, *random_, {.poll_interval = std::chrono::hours(1)});
  engine->add(make_machine("counter", counter_table(), &count, std::ref(handlers_)));
  ASSERT_TRUE(engine->start());
  started = true;
  EXPECT_EQ(scans_of_start, 2) << "a page of tasks and one of waits";
  clock.advance(std::chrono::minutes(31));
  EXPECT_TRUE(eventually([&] {
    engine->poll();
    return tasks_in(*memory_) == 0;
  }));
}

TEST_F(EngineFaults, HandlerIsNotRunAgainForAFullDisk) {
  std::atomic<bool> full = false;
  std::unique_ptr<store::Store> store =
      store::make_fault_store(*memory_, [&](const store::FaultPoint& point) -> store::Fault {
        const bool fails = full && point.call == store::FaultPoint::Call::commit;
        return {fails ? FaultKind::storage_full : FaultKind::none};
      });
  std::atomic<int> calls = 0;
  handlers_.on("x", [&](const Counter&, const TaskRun&) -> TaskResult {
    ++calls;
    full = true;
    return std::vector<Event>{{"Add", {}}};
  });
  std::unique_ptr<Engine> engine = start_on(*store, clock_, *random_, handlers_);
  ASSERT_TRUE(engine->create("counter", "a", to_json(Counter{"new"}), {}, {{"x"}}));
  ASSERT_TRUE(eventually([&] { return full.load(); }));
  EXPECT_EQ(engine->send("counter", "a", {"Add", {}}).error().code, codes::kStorageFull);
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ((*counter_table().get(*memory_, "a"))->record.value, 0);
  full = false;
  ASSERT_TRUE(eventually([&] { return tasks_in(*memory_) == 0; }));
  EXPECT_EQ((*counter_table().get(*memory_, "a"))->record.value, 1);
  EXPECT_EQ(calls, 1);
}

namespace {

// One life of an engine in the property test: its store fails at random and, from some moment on,
// always, like the disk of a killed process.
class Life {
 public:
  Life(store::Store& disk, Clock& clock, Random& random, Handlers& handlers)
      : store_(store::make_fault_store(
            disk,
            [this, rates = store::random_faults(random, {.fail_before = 0.05,
                                                         .fail_after = 0.1,
                                                         .storage_full = 0.02,
                                                         .conflict = 0.05,
                                                         .read_fails = 0.02,
                                                         .delay_max = 200us})](
                const store::FaultPoint& point) -> store::Fault {
              if (killed_) return {FaultKind::fail_before};
              return rates(point);
            })),
        engine_(start_on(*store_, clock, random, handlers)) {}
  Engine& engine() { return *engine_; }
  void kill() {
    killed_ = true;
    engine_.reset();
  }

 private:
  std::atomic<bool> killed_ = false;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

// Chains of tasks: each record has one task at a time, whose event makes the next, up to kLinks.
// The record counts them: a lost transition stops the chain; a repeated one shows in `applied`.
TEST(EngineProperty, ChainsSurviveKillsAndFaults) {
  const char* given = std::getenv("TIDEMILL_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : make_system_random()->next();
  SCOPED_TRACE("TIDEMILL_TEST_SEED=" + std::to_string(seed));
  std::unique_ptr<Random> random = make_seeded_random(seed);
  std::unique_ptr<store::Store> disk = store::make_memory_store(test_tables());
  SystemClock clock;
  constexpr int kRecords = 8, kLinks = 30;
  Handlers handlers;
  handlers.on("link", [&](const Counter& counter, const TaskRun&) -> TaskResult {
    if (random->next() % 10 == 0) return fail("Boom", "the world is like that");
    const std::string name = counter.applied.size() + 1 < kLinks ? "link" : "end";
    return std::vector<Event>{{"Run", payload_of("name", name)}};
  });
  handlers.on("end", [](const Counter&, const TaskRun&) -> TaskResult {
    return std::vector<Event>{{"Stop", {}}};
  });
  auto finished = [&] {
    return disk->scan({.table = "counters", .index = "by_state", .prefix = "stopped"})->rows.size();
  };
  auto life = std::make_unique<Life>(*disk, clock, *random, handlers);
  for (int i = 0; i < kRecords; ++i) {
    const std::string key = std::to_string(i);
    Result<void> created;
    do {
      created = life->engine().create("counter", key, to_json(Counter{"new"}),
                                      counter_table().index_keys({"new"}), {{"link"}});
    } while (!created && created.error().code != codes::kConflict);
    // A conflict may be injected, or come from an earlier try that was committed after all.
    if (!created && !disk->get("counters", key)->has_value()) --i;
  }
  int lives = 1;
  for (; finished() < kRecords && lives < 200; ++lives) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + random->next() % 40));
    life->kill();
    life = std::make_unique<Life>(*disk, clock, *random, handlers);
  }
  ASSERT_TRUE(eventually([&] { return finished() == kRecords; })) << finished();
  life->kill();
  for (int i = 0; i < kRecords; ++i) {
    const Counter counter = (*counter_table().get(*disk, std::to_string(i)))->record;
    EXPECT_EQ(counter.applied.size(), kLinks + 1u) << to_json(counter);
  }
  EXPECT_EQ(tasks_in(*disk), 0u);
  RecordProperty("lives", lives);
}

}  // namespace tidemill::engine
