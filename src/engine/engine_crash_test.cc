// kill -9 of a process whose engine runs on SQLite, repeated until its work is done.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/random.h"
#include "engine/engine.h"
#include "engine/engine_test_machine.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/test_folder.h"

namespace tidemill::engine {

namespace {

using namespace std::chrono_literals;

constexpr int kRecords = 6, kLinks = 40;

std::string record_key(int number) { return "record-" + std::to_string(number); }

// Each link makes the next, some after a failed attempt (a retry that waits in the store).
TaskResult link(const Counter& counter, const TaskRun& run) {
  if (counter.applied.size() % 7 == 3 && run.attempt == 1) return fail("Boom", "once");
  if (counter.applied.size() + 1 > kLinks) return std::vector<Event>{{"Stop", {}}};
  return std::vector<Event>{{"Run", payload_of("name", "link")}};
}

bool stopped(store::Store& store, int number) {
  Result<std::optional<store::Versioned<Counter>>> counter =
      counter_table().get(store, record_key(number));
  return counter && *counter && (*counter)->record.state == "stopped";
}

// In the child: continues where the last one was killed; ends when all records are stopped.
[[noreturn]] void live(const std::filesystem::path& path) {
  auto store = store::open_sqlite_store({.path = path, .tables = test_tables()});
  if (!store) _exit(1);
  SystemClock clock;
  std::unique_ptr<Random> random = make_system_random();
  std::unique_ptr<Engine> engine = make_engine(**store, clock, *random, {.poll_interval = 2ms});
  Handlers handlers;
  handlers.on("link", &link);
  engine->add(make_machine("counter", counter_table(), &count, std::ref(handlers),
                           {.attempts_max = 5, .first_delay = 3ms}));
  if (!engine->start()) _exit(2);
  for (int i = 0; i < kRecords; ++i) {
    Result<void> created =
        engine->create("counter", record_key(i), to_json(Counter{"new"}), {}, {{"link"}});
    if (!created && created.error().code != codes::kConflict) _exit(3);
  }
  for (int i = 0; i < kRecords; ++i) {
    while (!stopped(**store, i)) std::this_thread::sleep_for(1ms);
  }
  engine->stop();
  _exit(0);
}

}  // namespace

TEST(EngineCrash, EveryRecordGoesOnAfterKills) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> random = make_seeded_random(seed);
  store::TestFolder folder;
  int kills = 0;
  for (;; ++kills) {
    ASSERT_LT(kills, 200) << "the work does not end";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) live(folder.database());
    // Longer after every kill, so that the test ends on slow machines too.
    const auto patience = std::chrono::milliseconds(8 + random->next() % 20 + kills);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(1ms);
    }
    if (ended == 0) {
      kill(child, SIGKILL);
      ASSERT_EQ(waitpid(child, &status, 0), child);
    }
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      break;
    }
  }
  EXPECT_GT(kills, 0);
  auto store = store::open_sqlite_store({.path = folder.database(), .tables = test_tables()});
  ASSERT_TRUE(store) << store.error().message;
  for (int i = 0; i < kRecords; ++i) {
    const Counter counter = (*counter_table().get(**store, record_key(i)))->record;
    EXPECT_EQ(counter.state, "stopped");
    EXPECT_EQ(counter.applied.size(), kLinks + 1U) << to_json(counter);
  }
  EXPECT_TRUE((*store)->scan({.table = "engine_tasks"})->rows.empty());
}

}  // namespace tidemill::engine
