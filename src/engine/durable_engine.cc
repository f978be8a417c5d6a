#include "engine/durable_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/log.h"
#include "engine/outbox.h"

namespace tidemill::engine {

namespace {

constexpr int kCommitAttemptsMax = 50;
constexpr std::size_t kLoadPageRows = 1000;
constexpr std::chrono::minutes kStartHorizon{1};
constexpr std::size_t kTasksOfStepMax = 0xffff;  // limited by the digits in task_key

}  // namespace

std::unique_ptr<Engine> make_engine(store::Store& store, Clock& clock, Random& random,
                                    EngineOptions options) {
  return make_engine(store, clock, clock, random, options, {});
}

std::unique_ptr<Engine> make_engine(store::Store& store, Clock& clock, const Clock& durations,
                                    Random& random, EngineOptions options,
                                    std::string hidden_folder) {
  return std::make_unique<DurableEngine>(store, clock, durations, random, options,
                                         std::move(hidden_folder));
}

DurableEngine::DurableEngine(store::Store& store, Clock& clock, const Clock& durations,
                             Random& random, EngineOptions options, std::string hidden_folder)
    : store_(store),
      clock_(clock),
      durations_(durations),
      random_(random),
      options_(options),
      hidden_folder_(std::move(hidden_folder)),
      scheduler_(
          durations, {options.workers_max, options.poll_interval},
          [this](const std::string& key) { run_task(key); }, [this] { tick(); }) {}

DurableEngine::~DurableEngine() { stop(); }

void DurableEngine::add(Machine machine) {
  const std::string name = machine.name;
  if (!machines_.emplace(name, std::move(machine)).second) {
    log::error("a state machine is registered twice", {{"machine", name}});
    std::abort();
  }
}

void DurableEngine::on_change(std::function<void(const std::string&)> changed) {
  observers_.push_back(std::move(changed));
}

Result<void> DurableEngine::start() {
  // The first tick loads the rest of the horizon, beside what goes on: 100,000 timers take a
  // second.
  TRY(load_tasks(durations_.now() + std::min(kStartHorizon, options_.horizon)));
  TRY(load_waits());
  scheduler_.start();
  return {};
}

void DurableEngine::stop() {
  stop_.request_stop();
  waiters_.stop();
  scheduler_.stop();
}

void DurableEngine::poll() { scheduler_.poll(); }

bool DurableEngine::run_one(std::uint64_t choice) {
  scheduler_.poll();
  return scheduler_.run_one(choice);
}

bool run_one(Engine& engine, std::uint64_t choice) {
  return dynamic_cast<DurableEngine&>(engine).run_one(choice);
}

std::mutex& DurableEngine::lock_of(const std::string& record_id) {
  return record_locks_[std::hash<std::string>()(record_id) % kRecordLocks];
}

Result<Machine*> DurableEngine::find(const std::string& machine) {
  const auto found = machines_.find(machine);
  if (found == machines_.end()) {
    return fail(codes::kInvalid, fmt::format("there is no state machine '{}'", machine));
  }
  return &found->second;
}

ScheduledTask DurableEngine::scheduled(const Machine& machine, std::string task_key,
                                       const TaskRecord& task) {
  std::string lane;
  if (machine.lane)
    lane = store::key({task.machine, machine.lane(task.record_key)});
  else if (machine.sequential_tasks)
    lane = record_id(task.machine, task.record_key);
  return {std::move(task_key), std::move(lane), task.due, task.attempt > 1};
}

DurableEngine::NewTasks DurableEngine::put_tasks(store::Transaction& transaction,
                                                 const Machine& machine, const std::string& key,
                                                 std::uint64_t version,
                                                 const std::vector<Task>& tasks) {
  if (tasks.size() > kTasksOfStepMax) {
    log::error("a step made too many tasks", {{"machine", machine.name}, {"record", key}});
    std::abort();
  }
  NewTasks made;
  const Timestamp now = durations_.now();
  for (std::size_t place = 0; place < tasks.size(); ++place) {
    const Task& task = tasks[place];
    const TaskRecord record{machine.name, key, task.type, task.payload, 1, now, now + task.delay};
    std::string name = task_key(machine.name, key, version, place, random_.next());
    task_table().put(transaction, name, record, 0);
    made.push_back(scheduled(machine, std::move(name), record));
  }
  return made;
}

Result<void> DurableEngine::put_news(store::Transaction& transaction, const Machine& machine,
                                     const std::string& key, const Machine::Outcome& outcome) {
  for (const Wait& wait : outcome.waits) TRY(add_wait(transaction, machine.name, key, wait));
  if (outbox_ == nullptr) return {};
  for (const PublishedEvent& event : outcome.published) {
    // The change itself must not fail because its event cannot be published.
    if (Result<void> published = outbox_->publish(transaction, event); !published)
      log::error(
          "an event cannot be published",
          {{"machine", machine.name}, {"record", key}, {"reason", published.error().message}});
  }
  return {};
}

void DurableEngine::announce(const std::string& machine, const std::string& key, NewTasks tasks) {
  const std::int64_t loaded_until = loaded_until_microseconds_;
  std::erase_if(tasks, [&](const ScheduledTask& task) {
    return task.due.microseconds > loaded_until;  // a later load will find it
  });
  if (!tasks.empty()) scheduler_.add(std::move(tasks));
  changed(record_id(machine, key));
  tell_waiters(machine, key);
}

void DurableEngine::changed(const std::string& id) {
  waiters_.changed(id);
  for (const auto& observer : observers_) observer(id);
}

Result<void> DurableEngine::create(const std::string& machine_name, const std::string& key,
                                   std::string record, store::Transaction::IndexKeys index_keys,
                                   std::vector<Task> tasks, store::Transaction transaction) {
  const Machine* machine = TRY(find(machine_name));
  const std::string id = record_id(machine_name, key);
  std::lock_guard lock(lock_of(id));
  transaction.put(machine->table.name, key, record, std::move(index_keys), 0);
  NewTasks made = put_tasks(transaction, *machine, key, 1, tasks);
  Result<void> committed = store_.commit(std::move(transaction));
  if (!committed && committed.error().code == codes::kIo) {
    // Unknown outcome: read it. An older record with that key would have other contents.
    Result<std::optional<store::Row>> row = store_.get(machine->table.name, key);
    if (!row) reload_needed_ = true;
    if (row && *row && (*row)->version == 1 && (*row)->value == record) committed = {};
  }
  TRY(std::move(committed));
  announce(machine_name, key, std::move(made));
  return {};
}

Result<bool> DurableEngine::send(const std::string& machine_name, const std::string& key,
                                 const Event& event) {
  const Machine* machine = TRY(find(machine_name));
  const std::string id = record_id(machine_name, key);
  std::lock_guard lock(lock_of(id));
  Error last;
  for (int attempt = 0; attempt < kCommitAttemptsMax; ++attempt) {
    const std::optional<store::Row> row = TRY(store_.get(machine->table.name, key));
    if (!row) {
      return fail(codes::kNotFound, fmt::format("there is no {} '{}'", machine_name, key));
    }
    std::optional<Machine::Outcome> outcome =
        TRY(machine->transition(key, row->value, event, clock_.now()));
    if (!outcome) return false;
    store::Transaction transaction;
    // Deletions and stops are events; the few other events are small.
    transaction.set_frees_space();
    transaction.put(machine->table.name, key, std::move(outcome->record),
                    std::move(outcome->index_keys), row->version);
    TRY(put_news(transaction, *machine, key, *outcome));
    NewTasks made = put_tasks(transaction, *machine, key, row->version + 1, outcome->tasks);
    Result<void> committed = store_.commit(std::move(transaction));
    if (!committed && committed.error().code == codes::kIo) {
      Result<std::optional<store::Row>> now = store_.get(machine->table.name, key);
      if (!now) {
        reload_needed_ = true;
        return fail(std::move(committed.error()));
      }
      if (*now && (*now)->version == row->version + 1) committed = {};
    }
    if (committed) {
      announce(machine_name, key, std::move(made));
      return true;
    }
    last = std::move(committed.error());
    if (last.code != codes::kConflict && last.code != codes::kIo) break;
  }
  return fail(std::move(last));
}

Result<void> DurableEngine::erase(const std::string& machine_name, const std::string& key,
                                  store::Transaction transaction) {
  const Machine* machine = TRY(find(machine_name));
  const std::string id = record_id(machine_name, key);
  std::lock_guard lock(lock_of(id));
  if (!TRY(store_.get(machine->table.name, key))) {
    return fail(codes::kNotFound, fmt::format("there is no {} '{}'", machine_name, key));
  }
  transaction.erase(machine->table.name, key, std::nullopt);
  store::Scan scan{.table = task_table().name(),
                   .prefix = task_prefix(machine_name, key),
                   .limit = kLoadPageRows};
  do {
    const store::Page page = TRY(store_.scan(scan));
    // The scheduler still has them, and drops each when it finds nothing to run.
    for (const store::Row& row : page.rows) {
      task_table().erase(transaction, row.key, std::nullopt);
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  TRY(erase_waits_of(transaction, machine_name, key));
  Result<void> committed = store_.commit(std::move(transaction));
  if (!committed && committed.error().code == codes::kIo) {
    Result<std::optional<store::Row>> row = store_.get(machine->table.name, key);
    if (row && !*row) committed = {};
  }
  if (committed) announce(machine_name, key, {});
  return committed;
}

bool DurableEngine::wait_for(
    const std::string& machine_name, const std::string& key, std::chrono::milliseconds at_most,
    const std::function<bool(const std::optional<std::string>&)>& predicate) {
  Result<Machine*> machine = find(machine_name);
  if (!machine) return false;
  return waiters_.wait(record_id(machine_name, key), at_most, [&] {
    Result<std::optional<store::Row>> row = store_.get((*machine)->table.name, key);
    if (!row) return false;
    return predicate(*row ? std::optional((*row)->value) : std::nullopt);
  });
}

Result<void> DurableEngine::load_tasks(Timestamp until) {
  std::lock_guard lock(load_mutex_);
  // Raised before the scan: later commits schedule their tasks themselves, and the scan sees
  // earlier ones. The scheduler ignores keys that it already has.
  if (until.microseconds > loaded_until_microseconds_) {
    loaded_until_microseconds_ = until.microseconds;
  }
  NewTasks tasks;
  std::set<std::string> unknown_machines;
  store::Scan scan{.index = "by_due",
                   .before = due_index_key(until + std::chrono::microseconds(1)),
                   .limit = kLoadPageRows};
  do {
    store::RecordPage<TaskRecord> page;
    scan.table = task_table().name();
    const store::Page rows = TRY(store_.scan(scan));
    for (const store::Row& row : rows.rows) {
      const auto task = store::read_or_skip<TaskRecord>(scan.table, row.key, row.value);
      if (!task) continue;
      const auto machine = machines_.find(task->machine);
      if (machine == machines_.end()) {
        unknown_machines.insert(task->machine);
        continue;
      }
      tasks.push_back(scheduled(machine->second, row.key, *task));
    }
    scan.after = rows.next;
  } while (!scan.after.empty());
  for (const std::string& machine : unknown_machines) {
    log::warning("tasks of an unknown state machine are left in the store", {{"machine", machine}});
  }
  scheduler_.add(std::move(tasks));
  return {};
}

void DurableEngine::tick() {
  const Timestamp now = durations_.now();
  const bool horizon_near = (now + options_.horizon / 2).microseconds > loaded_until_microseconds_;
  const bool reload = reload_needed_.exchange(false);
  if (!horizon_near && !reload) return;
  Result<void> loaded = load_tasks(now + options_.horizon);
  // A record may have ended in a commit with an unknown outcome.
  if (loaded && reload) loaded = load_waits();
  if (!loaded) {
    reload_needed_ = true;
    log::warning("tasks could not be loaded; trying again", {{"reason", loaded.error().message}});
  }
}

}  // namespace tidemill::engine
