// Owner of background threads: nothing in the program is detached.
#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace tidemill::runtime {

// Threads that live no longer than their scope. Thread-safe, but stop() only once at a time.
class TaskScope {
 public:
  using Task = std::move_only_function<void(std::stop_token)>;

  TaskScope() = default;
  ~TaskScope() { stop(); }
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Runs `task` on a thread of its own. The task returns soon after its token says stop. A scope
  // that is stopping runs nothing more: false, and the task is dropped. An exception that leaves
  // the task is logged and ends that task only.
  bool spawn(std::string name, Task task);
  // Requests stop and joins every thread; also those that tasks spawned meanwhile.
  void stop();
  std::stop_token stop_token() const { return stop_source_.get_token(); }

 private:
  std::stop_source stop_source_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;  // guarded by mutex_
};

}  // namespace tidemill::runtime
