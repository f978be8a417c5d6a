// The engine on the SQLite store: the cost of a state change, and the delay until a task starts.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <semaphore>

#include "base/random.h"
#include "engine/engine.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace tidemill;
using namespace tidemill::engine;

struct Job {
  std::int64_t events = 0;
};
BOOST_DESCRIBE_STRUCT(Job, (), (events))

const store::Table<Job>& jobs() {
  static const store::Table<Job> table("jobs");
  return table;
}

std::counting_semaphore<> started(0);

class World {
 public:
  World() {
    const char* given = std::getenv("TIDEMILL_BENCH_DIR");
    std::string name = std::filesystem::path(given != nullptr ? given : "/tmp") / "engine-XXXXXX";
    folder_ = mkdtemp(name.data());
    std::vector<store::TableSpec> tables = engine_tables();
    tables.push_back(jobs().spec());
    auto opened = store::open_sqlite_store({.path = folder_ / "state.db", .tables = tables});
    if (!opened) std::abort();
    store_ = std::move(*opened);
    engine_ = make_engine(*store_, clock_, *random_);
    auto transition = [](const Job& job, const Event&,
                         Timestamp) -> Result<std::optional<Step<Job>>> {
      return std::optional(Step<Job>{{job.events + 1}});
    };
    auto run_task = [](const Job&, const TaskRun&) -> TaskResult {
      started.release();
      return std::vector<Event>{{"Started", {}}};
    };
    engine_->add(make_machine("job", jobs(), transition, run_task));
    if (!engine_->start()) std::abort();
  }
  ~World() {
    engine_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Engine& engine() { return *engine_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  std::unique_ptr<Engine> engine_;
};

Engine& shared_engine() {
  static World world;
  return world.engine();
}

std::atomic<std::uint64_t> next_job = 0;

std::string create_job(std::vector<Task> tasks) {
  std::string key = "job-" + std::to_string(next_job++);
  if (!shared_engine().create("job", key, to_json(Job{}), {}, std::move(tasks))) std::abort();
  return key;
}

// From a durable commit with a task to the start of its handler.
void create_to_task_start(benchmark::State& state) {
  for (auto unused : state) {
    create_job({{"start"}});
    started.acquire();
  }
  state.SetItemsProcessed(state.iterations());
}

void send(benchmark::State& state) {
  const std::string key = create_job({});
  for (auto unused : state) {
    if (!shared_engine().send("job", key, {"Step", {}})) state.SkipWithError("send failed");
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(create_to_task_start)->UseRealTime();
BENCHMARK(send)->Threads(1)->Threads(16)->UseRealTime();

BENCHMARK_MAIN();
