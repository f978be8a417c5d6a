// A bounded set of threads with a bounded queue: where synchronous handlers run.
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
  std::size_t queue_max = 1024;  // tasks that wait; past it try_submit() says false
};

// Thread-safe.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;

  explicit WorkerPool(WorkerPoolOptions options);
  // As stop().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False, and the task is left as it was, when queue_max tasks wait already or the pool is
  // stopping: the caller answers its client that the service is busy. An exception that leaves a
  // task is logged.
  bool try_submit(Task&& task);
  // Finishes the tasks that run, drops those that wait (their destructors run on the caller's
  // thread), and joins. Idempotent; not from a task.
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
