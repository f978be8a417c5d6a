// Owner of background threads: no thread of the program is detached.
#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace tidemill::runtime {

// Threads that do not outlive their scope. Thread-safe, but do not call stop() twice at once.
class TaskScope {
 public:
  using Task = std::move_only_function<void(std::stop_token)>;

  TaskScope() = default;
  ~TaskScope() { stop(); }
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Runs `task` on its own thread. The task must return soon after its token requests a stop. A
  // stopping scope drops the task and returns false. An exception that leaves the task is logged
  // and ends only that task.
  bool spawn(std::string name, Task task);
  // Requests stop and joins every thread, including those that tasks spawned meanwhile.
  void stop();
  std::stop_token stop_token() const { return stop_source_.get_token(); }

 private:
  std::stop_source stop_source_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;  // guarded by mutex_
};

}  // namespace tidemill::runtime
