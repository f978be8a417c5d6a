// The one implementation of Engine.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <stop_token>

#include "engine/engine.h"
#include "engine/make_engine.h"
#include "engine/scheduler.h"
#include "engine/task_record.h"
#include "engine/waiters.h"
#include "engine/waits.h"

namespace tidemill::engine {

struct WaitRecord;

class DurableEngine final : public Engine {
 public:
  DurableEngine(store::Store& store, Clock& clock, const Clock& durations, Random& random,
                EngineOptions options, std::string hidden_folder);
  ~DurableEngine() override;

  void publish_to(const Outbox& outbox) override { outbox_ = &outbox; }
  void add(Machine machine) override;
  void on_change(std::function<void(const std::string&)> changed) override;
  Result<void> start() override;
  void stop() override;
  Result<void> create(const std::string& machine, const std::string& key, std::string record,
                      store::Transaction::IndexKeys index_keys, std::vector<Task> tasks,
                      store::Transaction transaction) override;
  Result<bool> send(const std::string& machine, const std::string& key,
                    const Event& event) override;
  Result<void> add_wait(store::Transaction& transaction, const std::string& machine,
                        const std::string& key, const Wait& wait) override;
  Result<void> erase(const std::string& machine, const std::string& key,
                     store::Transaction transaction) override;
  bool wait_for(const std::string& machine, const std::string& key,
                std::chrono::milliseconds at_most,
                const std::function<bool(const std::optional<std::string>&)>& predicate) override;
  void poll() override;
  bool run_one(std::uint64_t choice);

 private:
  // Changes of one record happen one after another, so that after a commit of unknown outcome the
  // record's version says whether it happened. Records share a fixed number of locks; a transition
  // must therefore not call the engine.
  static constexpr std::size_t kRecordLocks = 1024;
  std::mutex& lock_of(const std::string& record_id);

  Result<Machine*> find(const std::string& machine);

  // Tasks of a step, about to be committed and then scheduled.
  using NewTasks = std::vector<ScheduledTask>;
  NewTasks put_tasks(store::Transaction& transaction, const Machine& machine,
                     const std::string& key, std::uint64_t version, const std::vector<Task>& tasks);
  // What a step publishes and waits for.
  Result<void> put_news(store::Transaction& transaction, const Machine& machine,
                        const std::string& key, const Machine::Outcome& outcome);
  // After a commit that certainly happened, with the record's lock held.
  void announce(const std::string& machine, const std::string& key, NewTasks tasks);
  void changed(const std::string& id);
  ScheduledTask scheduled(const Machine& machine, std::string task_key, const TaskRecord& task);

  // Schedules what is due up to `until`; unknown machines are left alone.
  Result<void> load_tasks(Timestamp until);
  void tick();

  // Waits for the end of other records (engine_waits.cc).
  Result<void> load_waits();
  // The record has changed: tells those who wait for it, if it has ended.
  void tell_waiters(const std::string& machine, const std::string& key);
  Result<std::optional<EndOfWait>> end_of(const Wait& wait);
  void run_wait(const std::string& scheduled_key);
  Result<NewTasks> wake(const Machine& machine, const WaitRecord& waiting, const EndOfWait& end,
                        store::Transaction& transaction);
  // nullopt: to be tried again.
  std::optional<bool> deliver_end(const std::string& wait_key, const EndOfWait* known);
  Result<void> erase_waits_of(store::Transaction& transaction, const std::string& machine,
                              const std::string& key);

  // One attempt of a task, on a worker thread (task_runner.cc).
  struct Running;
  void run_task(const std::string& task_key);
  TaskResult call_handler(const Running& running);
  // What became of a task's result.
  struct Settled {
    bool finished = true;
    Timestamp retry_at;
  };
  Settled settle(Running& running, TaskResult result);
  std::optional<Settled> settle_once(Running& running, const TaskResult& result);
  Result<NewTasks> apply_events(const Running& running, const std::vector<Event>& events,
                                store::Transaction& transaction);
  Timestamp retry_time(const RetryPolicy& policy, int attempt);

  store::Store& store_;
  Clock& clock_;            // what records show
  const Clock& durations_;  // what tasks are due by
  Random& random_;
  const EngineOptions options_;
  const std::string hidden_folder_;
  std::map<std::string, Machine> machines_;  // read-only after start()
  std::array<std::mutex, kRecordLocks> record_locks_;
  Waiters waiters_;
  const Outbox* outbox_ = nullptr;
  std::vector<std::function<void(const std::string&)>> observers_;  // read-only after start()
  std::stop_source stop_;

  // Tasks due up to here are in the scheduler (once load_tasks has returned).
  std::atomic<std::int64_t> loaded_until_microseconds_ = 0;
  // A commit's outcome stayed unknown: its tasks may lie in the store unscheduled.
  std::atomic<bool> reload_needed_ = false;
  std::mutex load_mutex_;  // one load at a time

  // Results of handlers whose commit failed (disk full): kept, not run again.
  std::mutex held_mutex_;
  std::map<std::string, TaskResult> held_;  // guarded by held_mutex_

  Waits waits_;
  Scheduler scheduler_;  // last: its threads use the rest
};

}  // namespace tidemill::engine
