// Durable state machines: every long-running thing (jobs, deployments, pipelines, schedules) is a
// record, events, a pure transition function, and tasks. A transition's new record and the tasks it
// causes commit in one transaction; tasks run afterwards, at least once, survive restarts, and
// change state only by sending events back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/describe.h"
#include "base/error.h"
#include "base/random.h"
#include "engine/published_event.h"
#include "store/store.h"
#include "store/table.h"

namespace tidemill::engine {

// Something that happens to a record. `type` is the machine's own term ("JobExited").
struct Event {
  std::string type;
  Value payload;
};

// An effect to run after the commit. With `delay` zero it runs at once; else it is a timer.
struct Task {
  std::string type;
  Value payload = {};
  std::chrono::microseconds delay{0};
};

// "Tell me when that one ends": registered in the transaction of the step that asks for it. When
// the other record has ended (Machine::ended), is ended already, or is gone, the record that waits
// gets `event` with an EndOfWait, once, in the transaction that removes the registration. Nothing
// polls, and registrations survive restarts.
struct Wait {
  std::string machine, key;  // of the record that is waited for
  std::string event;         // the type of the event
  // Tells several waits of a record for the same one apart; asked for again, a wait is replaced.
  std::string id = {};
};

struct EndOfWait {
  std::string machine, key, id;  // as in the Wait
  bool exists = true;            // false: there is no such record (any more)
  Value outcome;                 // what Machine::ended said; null when it does not exist
};
BOOST_DESCRIBE_STRUCT(EndOfWait, (), (machine, key, id, exists, outcome))

template <class Record>
struct Step {
  Record next;
  std::vector<Task> tasks = {};
  // Told to whoever reads the outbox (engine/outbox.h), in the step's transaction.
  std::vector<PublishedEvent> published = {};
  std::vector<Wait> waits = {};
};

// What a task handler is given.
struct TaskRun {
  std::string machine;
  std::string key;  // of the record
  std::string type;
  Value payload;
  std::string record;  // JSON text of the record as it is now (not as when the task was made)
  int attempt = 1;
  // Requested when the engine stops: a handler that waits returns Tidemill.Cancelled then, which is
  // no failed attempt; the task stays in the store and runs again after the next start.
  std::stop_token stop = {};
};

// What it returns: events for its own record, applied in the transaction that removes the task. An
// Error instead is retried with exponential backoff, at most `attempts_max` times; then the event
// "TaskFailed" with a TaskFailure is sent to the record.
using TaskResult = Result<std::vector<Event>>;

struct TaskFailure {
  static constexpr const char* kType = "TaskFailed";
  std::string task;  // its type
  std::string code, message;
};
TIDEMILL_RECORD(TaskFailure, (), (task, code, message))

// What an Event or a TaskRun brings, as what its type says it is.
template <class T, class From>
Result<T> payload_of(const From& from) {
  T out{};
  TRY(from_value(from.payload, out));
  return out;
}

struct RetryPolicy {
  int attempts_max = 5;
  std::chrono::milliseconds first_delay{100};
  std::chrono::milliseconds delay_max{30'000};
};

// One kind of state machine, with the record's type erased. Made by make_machine below.
struct Machine {
  std::string name;        // unique, stable: it stands in the store
  store::TableSpec table;  // where its records lie
  // record text, version, event, now -> writes. nullopt: the event does not apply (stale), which
  // is no error.
  struct Outcome {
    std::string record;
    store::Transaction::IndexKeys index_keys;
    std::vector<Task> tasks;
    std::vector<PublishedEvent> published = {};
    std::vector<Wait> waits = {};
  };
  std::function<Result<std::optional<Outcome>>(std::string_view record, const Event&,
                                               Timestamp now)>
      transition;
  std::function<TaskResult(const TaskRun&)> run_task;
  RetryPolicy retry = {};
  // True: due tasks of one record run one at a time in the order they were made; one that waits for
  // its next attempt holds the later ones up, a timer counts from when it is due. False: they run
  // side by side. A handler that blocks for long (waits for a process) wants false, else nothing
  // else of its record runs meanwhile.
  bool sequential_tasks = true;
  // In place of one order for each record: due tasks of all records with the same lane run one at a
  // time. A machine whose handlers wait for somebody outside has so few lanes that it leaves
  // workers to the others.
  std::function<std::string(std::string_view record_key)> lane = {};
  // What an ended record tells those who wait for it; nullopt: it has not ended. Empty: nobody may
  // wait for records of this machine, except for their being gone. See ended_by().
  std::function<Result<std::optional<Value>>(std::string_view record)> ended = {};
};

// A member of a payload as text; "" when it has none.
inline std::string text_of(const Value& payload, std::string_view member) {
  const Value* value = payload.find(member);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : "";
}

class Outbox;

class Engine {
 public:
  virtual ~Engine() = default;
  // Where steps publish; without it what they publish is dropped. Before start(); borrowed, and
  // destroyed after the engine.
  virtual void publish_to(const Outbox& outbox) = 0;
  // Before start(). The machine outlives the engine's start..stop.
  virtual void add(Machine machine) = 0;
  // Before start(). Called after each commit that made, changed or erased a record, with its
  // record_id(), on the thread that committed; must not block and must not call the engine.
  virtual void on_change(std::function<void(const std::string& record_id)> changed) = 0;
  // Resumes every unfinished task and timer found in the store.
  virtual Result<void> start() = 0;
  // Waits for running tasks; those not begun stay in the store.
  virtual void stop() = 0;

  // Commits a new record together with its first tasks and whatever else `transaction` holds.
  // Returns when durable. Tidemill.Conflict when the key exists.
  virtual Result<void> create(const std::string& machine, const std::string& key,
                              std::string record, store::Transaction::IndexKeys index_keys,
                              std::vector<Task> tasks, store::Transaction transaction = {}) = 0;
  // Applies an event: load, transition, commit, again on a version conflict. True when it applied,
  // false when the transition said it is stale. Tidemill.NotFound when there is no such record.
  virtual Result<bool> send(const std::string& machine, const std::string& key,
                            const Event& event) = 0;
  // Adds to `transaction` that the record (machine, key) waits: for those who create a record.
  virtual Result<void> add_wait(store::Transaction& transaction, const std::string& machine,
                                const std::string& key, const Wait& wait) = 0;
  // Deletes the record and its tasks, together with `transaction`. Running tasks finish, their
  // events are dropped.
  virtual Result<void> erase(const std::string& machine, const std::string& key,
                             store::Transaction transaction = {}) = 0;
  // Blocks until the predicate of the record's text (nullopt: gone) holds or the deadline passes;
  // true when it held. For held first Describes.
  virtual bool wait_for(
      const std::string& machine, const std::string& key, std::chrono::milliseconds at_most,
      const std::function<bool(const std::optional<std::string>&)>& predicate) = 0;
  // Looks at the clock now instead of at the next poll: for tests that moved a ManualClock.
  virtual void poll() {}
};

struct EngineOptions {
  // Handlers that run at the same time; threads are made when they are needed.
  std::size_t workers_max = 64;
  // How late a timer may be when the clock jumps.
  std::chrono::milliseconds poll_interval{100};
  // Tasks due later than this stay in the store only, to bound the memory that timers take.
  std::chrono::minutes horizon{60};
};

// What on_change() calls a record.
inline std::string record_id(const std::string& machine, const std::string& key) {
  return store::key({machine, key});
}

// The tables that the engine itself needs, for whoever opens the store.
std::vector<store::TableSpec> engine_tables();

// Borrows all three. Destroying it stops it.
std::unique_ptr<Engine> make_engine(store::Store& store, Clock& clock, Random& random,
                                    EngineOptions options = {});

// Machine::ended from a function std::optional<Value>(const Record&).
template <class Record, class Ended>
auto ended_by(Ended ended) {
  return [ended = std::move(ended)](std::string_view text) -> Result<std::optional<Value>> {
    Record record = TRY(from_json<Record>(text));
    return ended(std::as_const(record));
  };
}

// transition: Result<std::optional<Step<Record>>>(const Record&, const Event&, Timestamp now);
// pure. run_task:   TaskResult(const Record&, const TaskRun&)
template <class Record, class Transition, class RunTask>
Machine make_machine(std::string name, const store::Table<Record>& table, Transition transition,
                     RunTask run_task, RetryPolicy retry = {});

}  // namespace tidemill::engine

#include "engine/machine_impl.h"  // IWYU pragma: keep
