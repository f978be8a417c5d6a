#include "runtime/task_scope.h"

#include <exception>

#include "base/log.h"
#include "runtime/thread_name.h"

namespace tidemill::runtime {
namespace {

void run_task(const std::string& name, TaskScope::Task& task, std::stop_token token) {
  set_thread_name(name);
  try {
    task(std::move(token));
  } catch (const std::exception& error) {
    log::error("background task failed", {{"task", name}, {"error", error.what()}});
  }
}

}  // namespace

bool TaskScope::spawn(std::string name, Task task) {
  std::lock_guard lock(mutex_);
  if (stop_source_.stop_requested()) return false;
  threads_.emplace_back(
      [name = std::move(name), task = std::move(task), token = stop_source_.get_token()]() mutable {
        run_task(name, task, std::move(token));
      });
  return true;
}

void TaskScope::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stop_source_.request_stop();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tidemill::runtime
