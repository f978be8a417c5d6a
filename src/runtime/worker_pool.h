// A bounded set of threads with a bounded queue, where synchronous handlers run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidemill::runtime {

struct WorkerPoolOptions {
  std::string name = "worker";  // threads are called name-0, name-1, ...
  std::size_t threads = 4;
  std::size_t queue_max = 1024;  // limit of waiting tasks; beyond it try_submit() returns false
};

// Thread-safe.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  explicit WorkerPool(WorkerPoolOptions options);
  // Same as stop().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, with the task unchanged, when queue_max tasks already wait or the pool is stopping: the
  // caller then tells its client that the service is busy. An exception that leaves a task is
  // logged.
  bool try_submit(Task&& task);
  // Finishes running tasks, drops waiting ones (their destructors run on the calling thread), and
  // joins. Idempotent; do not call from a task.
  void stop();

  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  std::size_t running() const { return running_.load(std::memory_order_relaxed); }
  std::size_t threads() const { return options_.threads; }
  std::uint64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }

 private:
  void work(std::size_t index);

  const WorkerPoolOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;    // guarded by mutex_
  std::size_t sleeping_ = 0;  // guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> running_ = 0;
  std::atomic<std::uint64_t> rejected_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace tidemill::runtime
