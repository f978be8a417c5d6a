// Runs tasks of many owners on its own threads, so that no owner occupies all of them.
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

// Thread-safe. Owners take turns. An owner at its limit of running tasks waits even when threads
// are free: those are kept for other owners.
class FairQueue {
 public:
  using Task = runtime::WorkerPool::Task;

  explicit FairQueue(FairQueueOptions options);
  // Finishes running tasks and drops waiting ones.
  ~FairQueue();

  // False when too many tasks wait; the task is then left unchanged.
  bool try_submit(const std::string& owner, Task&& task);
  std::size_t waiting() const;

 private:
  struct Owner {
    std::deque<Task> waiting;
    std::size_t running = 0;
  };
  void start_what_may();  // call with mutex_ held
  void finished(const std::string& owner);

  const FairQueueOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, Owner> owners_;  // guarded by mutex_; only owners that have tasks
  std::string last_;                     // guarded by mutex_; the owner whose turn was last
  std::size_t waiting_ = 0;              // guarded by mutex_
  std::size_t running_ = 0;              // guarded by mutex_
  runtime::WorkerPool pool_;
};

}  // namespace tidemill::server
