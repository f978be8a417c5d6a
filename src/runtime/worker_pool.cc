#include "runtime/worker_pool.h"

#include <exception>

#include "base/log.h"
#include "runtime/thread_name.h"

namespace tidemill::runtime {

WorkerPool::WorkerPool(WorkerPoolOptions options) : options_(std::move(options)) {
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_submit(Task&& task) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= options_.queue_max) {
      rejected_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    queue_.push_back(std::move(task));
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    // A worker that is awake checks the queue again before it sleeps.
    wake = sleeping_ > 0;
  }
  if (wake) wake_.notify_one();
  return true;
}

void WorkerPool::work(std::size_t index) {
  set_thread_name(options_.name + "-" + std::to_string(index));
  std::unique_lock lock(mutex_);
  for (;;) {
    while (queue_.empty() && !stopping_) {
      ++sleeping_;
      wake_.wait(lock);
      --sleeping_;
    }
    if (stopping_) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    running_.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    try {
      task();
    } catch (const std::exception& error) {
      log::error("worker task failed", {{"pool", options_.name}, {"error", error.what()}});
    }
    task = nullptr;  // the task's destructor may take locks of its own
    running_.fetch_sub(1, std::memory_order_relaxed);
    lock.lock();
  }
}

void WorkerPool::stop() {
  std::deque<Task> dropped;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    waiting_.store(0, std::memory_order_relaxed);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace tidemill::runtime
