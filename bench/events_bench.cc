// Events on the SQLite store, for bench/events.py: the cost of publishing, the delay until a
// waiting machine is told, the memory of pending timers and schedules. Prints one JSON object; with
// --publish only the first part.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/outbox.h"
#include "services/platform/schedule/schedules.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace tidemill;
using namespace tidemill::engine;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

struct Item {
  std::string state;
};
BOOST_DESCRIBE_STRUCT(Item, (), (state))

const store::Table<Item>& items() {
  static const store::Table<Item> table("items");
  return table;
}

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "bench_events: %s failed\n", what);
  std::exit(1);
}

double resident_mebibytes() {
  long total = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  must(file && std::fscanf(file, "%ld %ld", &total, &resident) == 2, "statm");
  std::fclose(file);
  return double(resident) * 4096 / (1 << 20);
}

double milliseconds_since(SteadyClock::time_point begun) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - begun).count();
}

class World {
 public:
  World() {
    const char* given = std::getenv("TIDEMILL_BENCH_DIR");
    std::string name = std::filesystem::path(given != nullptr ? given : "/tmp") / "events-XXXXXX";
    folder_ = mkdtemp(name.data());
    open();
  }
  ~World() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    store_.reset();
    std::vector<store::TableSpec> tables = engine_tables();
    tables.push_back(items().spec());
    for (store::TableSpec& table : services::platform::Schedules::tables())
      tables.push_back(std::move(table));
    auto opened = store::open_sqlite_store({.path = folder_ / "state.db", .tables = tables});
    must(opened.has_value(), "opening the store");
    store_ = std::move(*opened);
  }
  store::Store& store() { return *store_; }
  SystemClock& clock() { return clock_; }
  Random& random() { return *random_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double processor_microseconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

struct Commits {
  double per_second = 0;
  double processor_microseconds = 0;  // of each, of all threads
};

// Commits of a record of 500 bytes, the size in bench_store.
Commits measure_commits(World& world, const Outbox& outbox, const char* source, int threads,
                        std::chrono::milliseconds time) {
  static std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> commits = 0;
  const double processor_before = processor_microseconds();
  const auto begun = SteadyClock::now();
  const auto end = begun + time;
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i)
      running.emplace_back([&] {
        while (SteadyClock::now() < end) {
          store::Transaction transaction;
          const std::string key = "key-" + std::to_string(next++);
          items().put(transaction, key, Item{std::string(480, 'x')}, 0);
          PublishedEvent event{.source = source,
                               .detail_type = "Item Made",
                               .subject = "arn:aws:x:us-east-1:123456789012:item/" + key,
                               .account = "123456789012",
                               .region = "us-east-1",
                               .detail = key};
          must(outbox.publish(transaction, std::move(event)).has_value(), "publishing");
          must(world.store().commit(std::move(transaction)).has_value(), "a commit");
          ++commits;
        }
      });
  }
  return {double(commits) * 1000 / milliseconds_since(begun),
          (processor_microseconds() - processor_before) / double(commits)};
}

// Alternates both variants in short turns, so that they meet the same disk and the same neighbours,
// and compares each turn with the one beside it.
std::string publish_cost(bool quick) {
  World world;
  Outbox outbox(world.store(), world.clock(), world.random());
  std::atomic<std::uint64_t> read = 0;
  outbox.add(EventReader{
      .name = "reader",
      .sources = {"read"},
      .take = [&](std::span<const ReadEvent> events, store::Transaction&) -> Result<void> {
        read += events.size();
        return {};
      },
      .lag_max = 10'000'000,
      .batch_max = 1000});
  must(outbox.start().has_value(), "starting the outbox");
  const int rounds = quick ? 8 : 60;
  constexpr auto kTurn = 150ms;
  std::string text;
  for (const int threads : {1, 16}) {
    std::vector<double> rates, ratios, plain_processor, processor_more;
    for (int round = 0; round < rounds; ++round) {
      Commits plain, published;
      const auto measure_plain = [&] {
        plain = measure_commits(world, outbox, "unread", threads, kTurn);
      };
      if (round % 2 == 0) measure_plain();
      published = measure_commits(world, outbox, "read", threads, kTurn);
      if (round % 2 == 1) measure_plain();
      rates.push_back(plain.per_second);
      ratios.push_back(published.per_second / plain.per_second);
      plain_processor.push_back(plain.processor_microseconds);
      processor_more.push_back(published.processor_microseconds - plain.processor_microseconds);
    }
    text += fmt::format(
        "\"commits_{0}\": {1:.0f}, \"published_{0}\": {2:.0f}, \"processor_{0}\": {3:.1f}, "
        "\"processor_published_{0}\": {4:.1f}, ",
        threads, median(rates), median(rates) * median(ratios), median(plain_processor),
        median(plain_processor) + median(processor_more));
  }
  outbox.stop();
  return text;
}

// From A's commit to the transition of B, which waits for A.
std::string wait_latency(bool quick) {
  World world;
  std::unique_ptr<Engine> engine = make_engine(world.store(), world.clock(), world.random());
  std::atomic<SteadyClock::time_point> ended;
  std::mutex mutex;
  std::vector<double> latencies;
  std::atomic<std::size_t> told = 0;
  auto transition = [&](const Item& item, const Event& event,
                        Timestamp) -> Result<std::optional<Step<Item>>> {
    Step<Item> step{item};
    if (event.type == "Await")
      step.waits.push_back({"item", text_of(event.payload, "for"), "Told"});
    if (event.type == "End") step.next.state = "ended";
    if (event.type == "Told") {
      std::lock_guard lock(mutex);
      latencies.push_back(milliseconds_since(ended));
      ++told;
    }
    return std::optional(std::move(step));
  };
  Machine machine =
      make_machine("item", items(), transition,
                   [](const Item&, const TaskRun&) -> TaskResult { return std::vector<Event>(); });
  // Called right after the commit of the record that others wait for.
  machine.ended = [&](std::string_view text) -> Result<std::optional<Value>> {
    if (text.find("ended") == text.npos) return std::optional<Value>();
    ended = SteadyClock::now();
    return std::optional<Value>(true);
  };
  engine->add(std::move(machine));
  must(engine->start().has_value(), "starting the engine");
  const std::size_t pairs = quick ? 500 : 5000;
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::string a = "a" + std::to_string(i), b = "b" + std::to_string(i);
    ValueObject payload;
    payload.append("for", a);
    must(engine->create("item", a, "{}", {}, {}).has_value(), "a creation");
    must(engine->create("item", b, "{}", {}, {}).has_value(), "a creation");
    must(engine->send("item", b, {"Await", payload}).has_value(), "a wait");
    must(engine->send("item", a, {"End", {}}).has_value(), "an end");
    while (told == i) std::this_thread::sleep_for(20us);
  }
  engine->stop();
  std::ranges::sort(latencies);
  return fmt::format("\"told_p50\": {:.4f}, \"told_p99\": {:.4f}, ", latencies[pairs / 2],
                     latencies[pairs * 99 / 100]);
}

constexpr int kMany = 100'000;

// Timers of an engine that are due within its horizon, so that all are in memory.
std::string pending_timers() {
  World world;
  auto make = [&] {
    std::unique_ptr<Engine> engine = make_engine(world.store(), world.clock(), world.random());
    engine->add(make_machine(
        "item", items(),
        [](const Item& item, const Event&, Timestamp) -> Result<std::optional<Step<Item>>> {
          return std::optional(Step<Item>{item});
        },
        [](const Item&, const TaskRun&) -> TaskResult { return std::vector<Event>(); }));
    return engine;
  };
  std::unique_ptr<Engine> engine = make();
  constexpr int kThreads = 16;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = thread; i < kMany; i += kThreads)
          must(engine->create("item", std::to_string(i), "{}", {}, {{"Ring", {}, 30min}})
                   .has_value(),
               "a timer");
      });
  }
  engine.reset();
  world.open();
  engine = make();
  const double before = resident_mebibytes();
  const auto begun = SteadyClock::now();
  must(engine->start().has_value(), "starting the engine");
  const double start = milliseconds_since(begun);
  // The engine loads all but the next timers beside its work; they are there when its memory has
  // stopped growing.
  double loaded = start, memory = 0;
  while (milliseconds_since(begun) - loaded < 1000) {
    std::this_thread::sleep_for(5ms);
    const double now = resident_mebibytes() - before;
    if (now > memory) loaded = milliseconds_since(begun);
    memory = std::max(memory, now);
  }
  engine->stop();
  must(memory > 1, "loading the timers");
  return fmt::format(
      "\"timers_start\": {:.1f}, \"timers_loaded\": {:.0f}, \"timers_memory\": {:.1f}, ", start,
      loaded, memory);
}

std::string pending_schedules() {
  World world;
  std::atomic<SteadyClock::time_point> fired;
  std::atomic<bool> done = false;
  auto make = [&] {
    auto schedules = std::make_unique<services::platform::Schedules>(world.store(), world.clock(),
                                                                     world.random());
    schedules->on("bench",
                  [&](const services::platform::Firing&, store::Transaction&) -> Result<void> {
                    fired = SteadyClock::now();
                    done = true;
                    return {};
                  });
    return schedules;
  };
  auto schedules = make();
  store::Transaction transaction;
  for (int i = 0; i < kMany; ++i) {
    must(schedules
             ->put(transaction, "bench", std::to_string(i),
                   {.expression = "at(2199-01-01T00:00:00)"})
             .has_value(),
         "a schedule");
    if (i % 500 != 499) continue;
    must(world.store().commit(std::move(transaction)).has_value(), "a commit");
    transaction = store::Transaction();
  }
  schedules.reset();
  world.open();
  schedules = make();
  must(schedules->put(transaction, "bench", "now", {.expression = "rate(1 day)"}).has_value() &&
           world.store().commit(std::move(transaction)).has_value(),
       "a schedule");
  const double before = resident_mebibytes();
  const auto begun = SteadyClock::now();
  schedules->start();
  while (!done) std::this_thread::sleep_for(20us);
  const double start = std::chrono::duration<double, std::milli>(fired.load() - begun).count();
  const double memory = resident_mebibytes() - before;
  schedules->stop();
  return fmt::format("\"schedules_start\": {:.2f}, \"schedules_memory\": {:.1f}", start, memory);
}

}  // namespace

int main(int count, char** arguments) {
  const bool quick = count > 1 && std::string_view(arguments[1]) == "--quick";
  std::string text = publish_cost(quick);
  if (count > 1 && std::string_view(arguments[1]) == "--publish") {
    text.resize(text.rfind(','));
    std::printf("{%s}\n", text.c_str());
    return 0;
  }
  text += wait_latency(quick) + pending_timers();
  std::printf("{%s%s}\n", text.c_str(), pending_schedules().c_str());
}
