// Tasks of many owners on threads of their own, of which no owner gets all.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "runtime/worker_pool.h"

namespace tidemill::server {

struct FairQueueOptions {
  std::string name = "upload";
  std::size_t threads = 4;
  std::size_t owner_threads_max = 3;
  std::size_t waiting_max = 1024;
  std::size_t owner_waiting_max = 768;
};

// Thread-safe. Owners take turns; one with as many running as it may waits although threads are
// free, which stay for others.
class FairQueue {
 public:
  using Task = runtime::WorkerPool::Task;

  explicit FairQueue(FairQueueOptions options);
  // Finishes what runs and drops what waits.
  ~FairQueue();

  // False, and the task is left as it was, when too many wait.
  bool try_submit(const std::string& owner, Task&& task);
  std::size_t waiting() const;

 private:
  struct Owner {
    std::deque<Task> waiting;
    std::size_t running = 0;
  };
  void start_what_may();  // with mutex_ held
  void finished(const std::string& owner);

  const FairQueueOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, Owner> owners_;  // guarded by mutex_; none without a task
  std::string last_;                     // guarded by mutex_; whose turn it was
  std::size_t waiting_ = 0;              // guarded by mutex_
  std::size_t running_ = 0;              // guarded by mutex_
  runtime::WorkerPool pool_;
};

}  // namespace tidemill::server
