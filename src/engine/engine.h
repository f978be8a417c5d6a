// Durable state machines: every long-running thing (jobs, deployments, pipelines, schedules) is a
// record, events, a pure transition function, and tasks. A transition's new record and its tasks
// commit in one transaction; tasks run afterwards, at least once, survive restarts, and change
// state only by sending events back.
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

// An effect to run after the commit. With a `delay` of zero it runs at once; else it is a timer.
struct Task {
  std::string type;
  Value payload = {};
  std::chrono::microseconds delay{0};
};

// A request to be told when another record ends, registered in the transaction of the step that
// asks for it. When the other record ends (Machine::ended), has ended already, or is gone, the
// waiting record gets `event` with an EndOfWait, once, in the transaction that removes the
// registration. Nothing polls, and registrations survive restarts.
struct Wait {
  std::string machine, key;  // the record to wait for
  std::string event;         // the type of the event
  // Distinguishes several waits of a record for the same one; the same id replaces a wait.
  std::string id = {};
};

struct EndOfWait {
  std::string machine, key, id;  // as in the Wait
  bool exists = true;            // false: the record does not exist (any more)
  Value outcome;                 // the result of Machine::ended; null when it does not exist
};
BOOST_DESCRIBE_STRUCT(EndOfWait, (), (machine, key, id, exists, outcome))

template <class Record>
struct Step {
  Record next;
  std::vector<Task> tasks = {};
  // Given to the readers of the outbox (engine/outbox.h), in the step's transaction.
  std::vector<PublishedEvent> published = {};
  std::vector<Wait> waits = {};
};

// The argument of a task handler.
struct TaskRun {
  std::string machine;
  std::string key;  // of the record
  std::string type;
  Value payload;
  std::string record;  // JSON text of the record now (not when the task was made)
  int attempt = 1;
  // Requested when the engine stops: a waiting handler then returns Tidemill.Cancelled, which is
  // not a failed attempt; the task stays in the store and runs again after the next start.
  std::stop_token stop = {};
};

// The result: events for the task's own record, applied in the transaction that removes the task.
// An Error is retried with exponential backoff, at most `attempts_max` times; then the record gets
// the event "TaskFailed" with a TaskFailure.
using TaskResult = Result<std::vector<Event>>;

struct TaskFailure {
  static constexpr const char* kType = "TaskFailed";
  std::string task;  // its type
  std::string code, message;
};
TIDEMILL_RECORD(TaskFailure, (), (task, code, message))

// The payload of an Event or a TaskRun, decoded as the struct of its type.
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

// One kind of state machine, with its record type erased. Made by make_machine below.
struct Machine {
  std::string name;        // unique, stable: the store contains it
  store::TableSpec table;  // the table of its records
  // record's key and text, event, now -> writes. nullopt: the event does not apply (it is stale),
  // which is not an error.
  struct Outcome {
    std::string record;
    store::Transaction::IndexKeys index_keys;
    std::vector<Task> tasks;
    std::vector<PublishedEvent> published = {};
    std::vector<Wait> waits = {};
  };
  std::function<Result<std::optional<Outcome>>(std::string_view key, std::string_view record,
                                               const Event&, Timestamp now)>
      transition;
  std::function<TaskResult(const TaskRun&)> run_task;
  RetryPolicy retry = {};
  // True: due tasks of one record run one at a time in the order of their creation; a task that
  // waits for its next attempt delays the later ones; a timer takes its turn when it is due. False:
  // they run in parallel. Use false for handlers that block for long (wait for a process), or other
  // tasks of the record cannot run meanwhile.
  bool sequential_tasks = true;
  // Replaces the order per record: due tasks of all records with the same lane run one at a time. A
  // machine whose handlers wait for an outside party uses few lanes, to leave workers for other
  // machines.
  std::function<std::string(std::string_view record_key)> lane = {};
  // The result that an ended record gives to waiting records; nullopt: it has not ended. If not
  // set, records can only wait for records of this machine to be gone. See ended_by().
  std::function<Result<std::optional<Value>>(std::string_view record)> ended = {};
};

// A member of a payload as text; "" when there is none.
inline std::string text_of(const Value& payload, std::string_view member) {
  const Value* value = payload.find(member);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : "";
}

class Outbox;

class Engine {
 public:
  virtual ~Engine() = default;
  // Where steps publish events; without it these are dropped. Call before start(); borrowed, and
  // destroyed after the engine.
  virtual void publish_to(const Outbox& outbox) = 0;
  // Call before start(). The machine must outlive the engine's start..stop.
  virtual void add(Machine machine) = 0;
  // Call before start(). The observer gets the record_id() of each record made, changed or erased,
  // after the commit on its thread; it must not block or call the engine.
  virtual void on_change(std::function<void(const std::string& record_id)> changed) = 0;
  // Resumes all unfinished tasks and timers in the store.
  virtual Result<void> start() = 0;
  // Waits for running tasks; tasks that have not begun stay in the store.
  virtual void stop() = 0;

  // Commits a new record together with its first tasks and the contents of `transaction`. Returns
  // when durable. Tidemill.Conflict when the key exists.
  virtual Result<void> create(const std::string& machine, const std::string& key,
                              std::string record, store::Transaction::IndexKeys index_keys,
                              std::vector<Task> tasks, store::Transaction transaction = {}) = 0;
  // Applies an event: load, transition, commit, repeated on a version conflict. True when it
  // applied, false when it was stale. Tidemill.NotFound when the record does not exist.
  virtual Result<bool> send(const std::string& machine, const std::string& key,
                            const Event& event) = 0;
  // Adds a wait of the record (machine, key) to `transaction`: for callers that create records.
  virtual Result<void> add_wait(store::Transaction& transaction, const std::string& machine,
                                const std::string& key, const Wait& wait) = 0;
  // Deletes the record and its tasks together with `transaction`. Running tasks finish, but their
  // events are dropped.
  virtual Result<void> erase(const std::string& machine, const std::string& key,
                             store::Transaction transaction = {}) = 0;
  // Blocks until the predicate of the record's text (nullopt: gone) holds, or the deadline passes;
  // true when it held. Used for held first Describes.
  virtual bool wait_for(
      const std::string& machine, const std::string& key, std::chrono::milliseconds at_most,
      const std::function<bool(const std::optional<std::string>&)>& predicate) = 0;
  // Checks the clock now instead of at the next poll: for tests that moved a ManualClock.
  virtual void poll() {}
};

struct EngineOptions {
  // The most handlers that run at the same time; threads are made on demand.
  std::size_t workers_max = 64;
  // How late a timer may fire when the clock jumps.
  std::chrono::milliseconds poll_interval{100};
  // Tasks due later than this stay only in the store, which limits the memory for timers.
  std::chrono::minutes horizon{60};
};

// The record's name for on_change().
inline std::string record_id(const std::string& machine, const std::string& key) {
  return store::key({machine, key});
}

// The engine's own tables, for opening the store.
std::vector<store::TableSpec> engine_tables();

// Borrows all three. The destructor stops the engine.
std::unique_ptr<Engine> make_engine(store::Store& store, Clock& clock, Random& random,
                                    EngineOptions options = {});

// Makes Machine::ended from a function std::optional<Value>(const Record&).
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
