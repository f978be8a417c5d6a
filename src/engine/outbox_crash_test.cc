// kill -9 before and after each commit of a process that publishes, reads and waits: what committed
// is told, once where the reader writes along, and in order.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/crash_point.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/engine_test_machine.h"
#include "engine/outbox.h"
#include "store/position_key.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/test_folder.h"

namespace tidemill::engine {

namespace {

using namespace std::chrono_literals;

constexpr int kFacts = 8, kPairs = 4;
// Every run passes some sixty places; more than that are asked for, so that the end is met.
constexpr long kPointsMax = 400;

std::vector<store::TableSpec> tables() {
  std::vector<store::TableSpec> all = test_tables();
  all.push_back({"facts"});
  all.push_back({"seen"});
  return all;
}

std::string record_name(char letter, int number) { return letter + std::to_string(number); }

Result<std::optional<Step<Counter>>> step(const Counter& counter, const Event& event,
                                          Timestamp now) {
  if (event.type == "Await") {
    Step<Counter> next{counter};
    next.next.state = "waiting";
    next.waits.push_back({"counter", text_of(event.payload, "name"), "Told"});
    return std::optional(std::move(next));
  }
  if (event.type == "Told") {
    Step<Counter> next{counter};
    next.next.state = "told";
    next.next.applied.push_back("told");
    return std::optional(std::move(next));
  }
  return count(counter, event, now);
}

std::size_t rows(store::Store& store, const std::string& table) {
  Result<store::Page> page = store.scan({.table = table, .limit = 1000});
  return page ? page->rows.size() : 0;
}

std::string state_of(store::Store& store, const std::string& key) {
  auto row = counter_table().get(store, key);
  return row && *row ? (*row)->record.state : "none";
}

// Publishes facts 1 to kFacts, each with its event, going on where it was killed.
void publish_facts(store::Store& store, const Outbox& outbox) {
  for (std::size_t next = rows(store, "facts") + 1; next <= kFacts; ++next) {
    store::Transaction transaction;
    transaction.put("facts", store::position_key(next), "1", {}, 0);
    PublishedEvent event{.source = "test", .detail_type = "Fact", .detail = std::uint64_t(next)};
    if (!outbox.publish(transaction, std::move(event))) _exit(4);
    if (!store.commit(std::move(transaction))) _exit(5);
  }
}

void play_pairs(store::Store& store, Engine& engine) {
  for (int i = 0; i < kPairs; ++i) {
    for (const char letter : {'a', 'b'}) {
      const std::string key = record_name(letter, i);
      if (state_of(store, key) == "none" &&
          !engine.create("counter", key, to_json(Counter{"new"}), {}, {}))
        _exit(6);
    }
    const Event await{"Await", payload_of("name", record_name('a', i))};
    if (state_of(store, record_name('b', i)) == "new" &&
        !engine.send("counter", record_name('b', i), await))
      _exit(7);
    if (state_of(store, record_name('a', i)) != "stopped" &&
        !engine.send("counter", record_name('a', i), {"Stop", {}}))
      _exit(8);
  }
}

[[noreturn]] void live(const std::filesystem::path& path) {
  arm_crash_points();
  auto store = store::open_sqlite_store({.path = path, .tables = tables()});
  if (!store) _exit(1);
  SystemClock clock;
  std::unique_ptr<Random> random = make_system_random();
  Outbox outbox(**store, clock, *random, {.trim_interval = 1ms});
  outbox.add(EventReader{
      .name = "reader",
      .sources = {"test"},
      .take = [](std::span<const ReadEvent> events, store::Transaction& along) -> Result<void> {
        for (const ReadEvent& read : events) along.append("seen", write_json(read.event.detail));
        return {};
      },
      .batch_max = 2});
  std::unique_ptr<Engine> engine = make_engine(**store, clock, *random, {.poll_interval = 2ms});
  engine->publish_to(outbox);
  Handlers handlers;
  Machine machine = make_machine("counter", counter_table(), &step, std::ref(handlers));
  machine.ended = ended_by<Counter>([](const Counter& counter) -> std::optional<Value> {
    return counter.state == "stopped" ? std::optional<Value>(1) : std::nullopt;
  });
  engine->add(std::move(machine));
  if (!outbox.start() || !engine->start()) _exit(2);
  publish_facts(**store, outbox);
  play_pairs(**store, *engine);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  auto done = [&] {
    for (int i = 0; i < kPairs; ++i)
      if (state_of(**store, record_name('b', i)) != "told") return false;
    return rows(**store, "seen") >= kFacts && rows(**store, "engine_outbox") <= 1;
  };
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) _exit(9);
    std::this_thread::sleep_for(1ms);
  }
  outbox.stop();
  engine->stop();
  engine.reset();
  _exit(0);
}

int run(const std::filesystem::path& path, long crash_at) {
  if (crash_at > 0)
    ::setenv("TIDEMILL_CRASH_AT", std::to_string(crash_at).c_str(), 1);
  else
    ::unsetenv("TIDEMILL_CRASH_AT");
  const pid_t child = ::fork();
  if (child == 0) live(path);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  ::unsetenv("TIDEMILL_CRASH_AT");
  return status;
}

void check(const std::filesystem::path& path) {
  auto store = store::open_sqlite_store({.path = path, .tables = tables()});
  ASSERT_TRUE(store) << store.error().message;
  std::vector<std::string> seen, expected;
  for (const store::Row& row : (*store)->scan({.table = "seen", .limit = 1000})->rows)
    seen.push_back(row.value);
  for (int number = 1; number <= kFacts; ++number) expected.push_back(std::to_string(number));
  EXPECT_EQ(seen, expected);
  for (int i = 0; i < kPairs; ++i) {
    const Counter counter = (*counter_table().get(**store, record_name('b', i)))->record;
    EXPECT_EQ(counter.applied, std::vector<std::string>{"told"});
  }
  EXPECT_EQ(rows(**store, "engine_waits"), 0u);
}

}  // namespace

// A sample of the places; every one with TIDEMILL_EVERY_CRASH_POINT (tests/long).
TEST(OutboxCrash, NothingIsLostOrToldTwiceAtAnyCommit) {
  const bool every = std::getenv("TIDEMILL_EVERY_CRASH_POINT") != nullptr;
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> random = make_seeded_random(seed);
  int kills = 0;
  for (long point = 1; point <= kPointsMax; point += every ? 1 : 1 + long(random->next() % 9)) {
    SCOPED_TRACE("killed at place " + std::to_string(point));
    store::TestFolder folder;
    const int first = run(folder.database(), point);
    if (WIFEXITED(first)) {
      ASSERT_EQ(WEXITSTATUS(first), 0);
      break;  // it passes fewer places than that
    }
    ++kills;
    ASSERT_EQ(WTERMSIG(first), SIGKILL);
    const int second = run(folder.database(), 0);
    ASSERT_TRUE(WIFEXITED(second));
    ASSERT_EQ(WEXITSTATUS(second), 0);
    check(folder.database());
  }
  EXPECT_GT(kills, 5);
}

}  // namespace tidemill::engine
