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

namespace tidemill::engine {

class DurableEngine final : public Engine {
 public:
  DurableEngine(store::Store& store, Clock& clock, const Clock& durations, Random& random,
                EngineOptions options, std::string hidden_folder);
  ~DurableEngine() override;

  void add(Machine machine) override;
  Result<void> start() override;
  void stop() override;
  Result<void> create(const std::string& machine, const std::string& key, std::string record,
                      store::Transaction::IndexKeys index_keys, std::vector<Task> tasks,
                      store::Transaction transaction) override;
  Result<bool> send(const std::string& machine, const std::string& key,
                    const Event& event) override;
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
  // After a commit that certainly happened.
  void announce(const std::string& record_id, NewTasks tasks);
  ScheduledTask scheduled(const Machine& machine, std::string task_key, const TaskRecord& task);

  // Schedules what is due up to `until`; unknown machines are left alone.
  Result<void> load_tasks(Timestamp until);
  void tick();

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
  std::stop_source stop_;

  // Tasks due up to here are in the scheduler (once load_tasks has returned).
  std::atomic<std::int64_t> loaded_until_microseconds_ = 0;
  // A commit's outcome stayed unknown: its tasks may lie in the store unscheduled.
  std::atomic<bool> reload_needed_ = false;
  std::mutex load_mutex_;  // one load at a time

  // Results of handlers whose commit failed (disk full): kept, not run again.
  std::mutex held_mutex_;
  std::map<std::string, TaskResult> held_;  // guarded by held_mutex_

  Scheduler scheduler_;  // last: its threads use the rest
};

}  // namespace tidemill::engine
