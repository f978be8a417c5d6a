// Waits for the end of other records. When a record ends, its waits are looked up after its commit
// with its lock held; a new wait is checked once when it is registered, and at each start.
// Whichever of the two happens last sees the other, so that no end is missed.
#include <fmt/format.h>

#include "base/log.h"
#include "engine/durable_engine.h"
#include "engine/wait_record.h"

namespace tidemill::engine {

namespace {

constexpr std::chrono::milliseconds kStoreRetryDelay{200};
constexpr std::size_t kPageRows = 1000;
constexpr int kDeliverAttemptsMax = 50;

}  // namespace

Result<void> DurableEngine::add_wait(store::Transaction& transaction, const std::string& machine,
                                     const std::string& key, const Wait& wait) {
  TRY(find(machine));
  TRY(find(wait.machine));
  const WaitRecord record{machine, key, wait};
  const std::string name = wait_key(record);
  wait_table().put(transaction, name, record, std::nullopt);
  transaction.on_commit([this, name] {
    waits_.add(name);
    scheduler_.add({{waits_.schedule(name, std::nullopt), "", durations_.now()}});
  });
  return {};
}

Result<void> DurableEngine::load_waits() {
  store::Scan scan{.table = wait_table().name(), .limit = kPageRows};
  do {
    const store::Page page = TRY(store_.scan(scan));
    NewTasks looks;
    for (const store::Row& row : page.rows) {
      waits_.add(row.key);
      looks.push_back({waits_.schedule(row.key, std::nullopt), "", durations_.now()});
    }
    scheduler_.add(std::move(looks));
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

Result<void> DurableEngine::erase_waits_of(store::Transaction& transaction,
                                           const std::string& machine, const std::string& key) {
  if (waits_.empty()) return {};
  store::Scan scan{.table = wait_table().name(),
                   .index = "by_waiter",
                   .prefix = store::key({machine, key, ""}),
                   .limit = kPageRows};
  do {
    const store::Page page = TRY(store_.scan(scan));
    for (const store::Row& row : page.rows) wait_table().erase(transaction, row.key, std::nullopt);
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

// nullopt: it has not ended.
Result<std::optional<EndOfWait>> DurableEngine::end_of(const Wait& wait) {
  const Machine* machine = TRY(find(wait.machine));
  const std::optional<store::Row> row = TRY(store_.get(machine->table.name, wait.key));
  EndOfWait end{wait.machine, wait.key, wait.id, row.has_value(), {}};
  if (!row) return std::optional(std::move(end));
  if (!machine->ended) return std::optional<EndOfWait>();
  std::optional<Value> outcome = TRY(machine->ended(row->value));
  if (!outcome) return std::optional<EndOfWait>();
  end.outcome = *std::move(outcome);
  return std::optional(std::move(end));
}

void DurableEngine::tell_waiters(const std::string& machine, const std::string& key) {
  if (waits_.empty()) return;
  const std::vector<std::string> waiting = waits_.with_prefix(waits_prefix(machine, key));
  if (waiting.empty()) return;
  // Read now, with the lock held: the record may be created again before the check runs.
  const Result<std::optional<EndOfWait>> end = end_of({machine, key, {}});
  if (end && !*end) return;
  NewTasks looks;
  for (const std::string& name : waiting)
    looks.push_back({waits_.schedule(name, end ? *end : std::nullopt), "", durations_.now()});
  scheduler_.add(std::move(looks));
}

void DurableEngine::run_wait(const std::string& scheduled_key) {
  const std::optional<Waits::Look> look = waits_.look(scheduled_key);
  const std::optional<bool> done =
      look ? deliver_end(look->wait_key, look->end ? &*look->end : nullptr) : true;
  if (!done) return scheduler_.retry(scheduled_key, durations_.now() + kStoreRetryDelay);
  waits_.finish(scheduled_key);
  scheduler_.finish(scheduled_key);
}

// The event for the waiting record. If it cannot take the event, or is gone, the wait ends.
Result<DurableEngine::NewTasks> DurableEngine::wake(const Machine& machine,
                                                    const WaitRecord& waiting, const EndOfWait& end,
                                                    store::Transaction& transaction) {
  const std::string& key = waiting.record_key;
  const std::optional<store::Row> row = TRY(store_.get(machine.table.name, key));
  if (!row) return NewTasks();
  Result<std::optional<Machine::Outcome>> outcome = machine.transition(
      key, row->value, {waiting.wait.event, tidemill::to_value(end)}, clock_.now());
  if (!outcome)
    log::error("a record cannot take the end that it waited for",
               {{"machine", machine.name}, {"record", key}, {"reason", outcome.error().message}});
  if (!outcome || !*outcome) return NewTasks();
  Machine::Outcome& step = **outcome;
  transaction.put(machine.table.name, key, std::move(step.record), std::move(step.index_keys),
                  row->version);
  TRY(put_news(transaction, machine, key, step));
  return put_tasks(transaction, machine, key, row->version + 1, step.tasks);
}

// True when the wait is over, false when it continues.
std::optional<bool> DurableEngine::deliver_end(const std::string& name, const EndOfWait* known) {
  for (int attempt = 0; attempt < kDeliverAttemptsMax; ++attempt) {
    const Result<std::optional<store::Versioned<WaitRecord>>> read = wait_table().get(store_, name);
    if (!read && read.error().code != codes::kCorrupt) return std::nullopt;
    if (!read || !*read) {
      waits_.remove(name);
      return true;
    }
    const WaitRecord& waiting = (*read)->record;
    Result<std::optional<EndOfWait>> end =
        known ? Result<std::optional<EndOfWait>>(*known) : end_of(waiting.wait);
    if (!end && end.error().code != codes::kCorrupt) return std::nullopt;
    if (!end || !*end) return false;
    (*end)->id = waiting.wait.id;

    const Result<Machine*> machine = find(waiting.machine);
    if (!machine) return false;  // from a version of the program with more machines
    std::lock_guard lock(lock_of(record_id(waiting.machine, waiting.record_key)));
    store::Transaction transaction;
    wait_table().erase(transaction, name, (*read)->version);
    Result<NewTasks> made = wake(**machine, waiting, **end, transaction);
    if (!made) return std::nullopt;
    const Result<void> committed = store_.commit(std::move(transaction));
    if (committed) {
      waits_.remove(name);
      announce(waiting.machine, waiting.record_key, *std::move(made));
      return true;
    }
    // After a commit with an unknown outcome the wait's row tells whether it happened; a load then
    // finds the tasks that it made.
    if (committed.error().code == codes::kIo) reload_needed_ = true;
    if (committed.error().code != codes::kIo && committed.error().code != codes::kConflict)
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace tidemill::engine
