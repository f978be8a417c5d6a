// One attempt of a task: read it and its record, call the handler, commit the result.
#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/hidden_folder.h"
#include "base/log.h"
#include "engine/durable_engine.h"

namespace tidemill::engine {

namespace {

constexpr int kSettleAttemptsMax = 8;
// Pause between attempts to read or commit while the store itself fails.
constexpr std::chrono::milliseconds kStoreRetryDelay{200};

// Records show this event to their owners.
Event task_failed(const TaskRecord& task, const Error& error, std::string_view hidden_folder) {
  return {"TaskFailed",
          to_value(TaskFailure{task.type, error.code, hide_folder(error.message, hidden_folder)})};
}

}  // namespace

struct DurableEngine::Running {
  std::string key;  // of the task
  std::string record_id;
  const Machine* machine = nullptr;
  TaskRecord task;
  std::uint64_t version = 0;         // of the task's row
  std::optional<store::Row> record;  // as it is now
};

void DurableEngine::run_task(const std::string& key) {
  if (Waits::is_scheduled_key(key)) return run_wait(key);
  auto store_failed = [&](const Error& error) {
    log::warning("a task waits for the store", {{"task", key}, {"reason", error.message}});
    scheduler_.retry(key, durations_.now() + kStoreRetryDelay);
  };
  Result<std::optional<store::Versioned<TaskRecord>>> task = task_table().get(store_, key);
  if (!task) return store_failed(task.error());
  // Erased with its record, or settled by a commit whose outcome was unknown then.
  if (!*task) return scheduler_.finish(key);

  Running running{.key = key, .task = std::move((*task)->record), .version = (*task)->version};
  running.machine = &machines_.at(running.task.machine);
  running.record_id = store::key({running.task.machine, running.task.record_key});
  Result<std::optional<store::Row>> record =
      store_.get(running.machine->table.name, running.task.record_key);
  if (!record) return store_failed(record.error());
  running.record = std::move(*record);

  TaskResult result = std::vector<Event>();
  bool was_held = false;
  {
    std::lock_guard lock(held_mutex_);
    if (auto held = held_.extract(key)) {
      result = std::move(held.mapped());
      was_held = true;
    }
  }
  if (!was_held && running.record) result = call_handler(running);
  if (!result && result.error().code == codes::kCancelled && stop_.stop_requested()) {
    return scheduler_.finish(key);  // the row remains for the next start
  }
  const Settled settled = settle(running, std::move(result));
  settled.finished ? scheduler_.finish(key) : scheduler_.retry(key, settled.retry_at);
}

TaskResult DurableEngine::call_handler(const Running& running) {
  const TaskRun run{running.task.machine, running.task.record_key, running.task.type,
                    running.task.payload, running.record->value,   running.task.attempt,
                    stop_.get_token()};
  try {
    return running.machine->run_task(run);
  } catch (const std::exception& exception) {
    return fail("Tidemill.Exception", fmt::format("task {} threw: {}", run.type, exception.what()));
  }
}

DurableEngine::Settled DurableEngine::settle(Running& running, TaskResult result) {
  {
    std::lock_guard lock(lock_of(running.record_id));
    for (int attempt = 0; attempt < kSettleAttemptsMax; ++attempt) {
      if (std::optional<Settled> settled = settle_once(running, result)) return *settled;
    }
  }
  // The disk is full or broken: only the commit is repeated, not the handler's work.
  std::lock_guard lock(held_mutex_);
  held_.insert_or_assign(running.key, std::move(result));
  return {false, durations_.now() + kStoreRetryDelay};
}

// nullopt: try again. Call with the record's lock held.
std::optional<DurableEngine::Settled> DurableEngine::settle_once(Running& running,
                                                                 const TaskResult& result) {
  const TaskRecord& task = running.task;
  store::Transaction transaction;
  NewTasks made;
  Settled settled;
  const bool failed_for_good = !result && task.attempt >= running.machine->retry.attempts_max;
  if (!result && !failed_for_good) {
    TaskRecord next = task;
    ++next.attempt;
    next.due = retry_time(running.machine->retry, task.attempt);
    task_table().put(transaction, running.key, next, running.version);
    settled = {false, next.due};
    log::info("a task failed and will be tried again",
              {{"machine", task.machine},
               {"record", task.record_key},
               {"task", task.type},
               {"attempt", static_cast<std::int64_t>(task.attempt)},
               {"reason", result.error().message}});
  } else {
    // Another thread may have changed or erased the record while the handler ran.
    Result<std::optional<store::Row>> record =
        store_.get(running.machine->table.name, task.record_key);
    if (!record) return std::nullopt;
    running.record = std::move(*record);
    task_table().erase(transaction, running.key, running.version);
    const std::vector<Event> events =
        failed_for_good ? std::vector<Event>{task_failed(task, result.error(), hidden_folder_)}
                        : *result;
    Result<NewTasks> applied = apply_events(running, events, transaction);
    if (!applied && !failed_for_good) return settle_once(running, fail(applied.error()));
    if (!applied) {
      log::error("a record cannot take the failure of its task",
                 {{"record", running.record_id}, {"reason", applied.error().message}});
    } else {
      made = std::move(*applied);
    }
  }
  Result<void> committed = store_.commit(std::move(transaction));
  if (!committed &&
      (committed.error().code == codes::kConflict || committed.error().code == codes::kIo)) {
    // The task's row tells the outcome: only this task or erase() removes it.
    Result<std::optional<store::Row>> row = store_.get(task_table().name(), running.key);
    if (!row) reload_needed_ = true;  // if it was committed, its tasks are not scheduled yet
    if (!row || (*row && (*row)->version == running.version)) return std::nullopt;
    if (!*row && committed.error().code == codes::kConflict) return Settled{};
    committed = {};
  }
  if (!committed) return std::nullopt;
  announce(task.machine, task.record_key, std::move(made));
  return settled;
}

Result<DurableEngine::NewTasks> DurableEngine::apply_events(const Running& running,
                                                            const std::vector<Event>& events,
                                                            store::Transaction& transaction) {
  if (!running.record) return NewTasks();
  std::optional<Machine::Outcome> last;
  std::vector<Task> tasks;
  Machine::Outcome news;  // from all steps
  for (const Event& event : events) {
    const std::string_view text = last ? last->record : running.record->value;
    std::optional<Machine::Outcome> outcome =
        TRY(running.machine->transition(running.task.record_key, text, event, clock_.now()));
    if (!outcome) continue;
    std::ranges::move(outcome->tasks, std::back_inserter(tasks));
    std::ranges::move(outcome->published, std::back_inserter(news.published));
    std::ranges::move(outcome->waits, std::back_inserter(news.waits));
    last = std::move(outcome);
  }
  if (!last) return NewTasks();
  TRY(put_news(transaction, *running.machine, running.task.record_key, news));
  transaction.put(running.machine->table.name, running.task.record_key, std::move(last->record),
                  std::move(last->index_keys), running.record->version);
  return put_tasks(transaction, *running.machine, running.task.record_key,
                   running.record->version + 1, tasks);
}

Timestamp DurableEngine::retry_time(const RetryPolicy& policy, int attempt) {
  constexpr int kDoublingsMax = 20;
  const int doublings = std::min(attempt - 1, kDoublingsMax);
  std::chrono::microseconds delay = std::min<std::chrono::microseconds>(
      policy.first_delay * (1LL << doublings), policy.delay_max);
  // Up to a quarter less, so that tasks which failed together are not retried together.
  const std::int64_t quarter = delay.count() / 4;
  if (quarter > 0) {
    delay -= std::chrono::microseconds(random_.next() % static_cast<std::uint64_t>(quarter));
  }
  return durations_.now() + delay;
}

}  // namespace tidemill::engine
