// Periodic work of the services: retention, caches, watches. All sweeps share one scheduler, so
// that none needs a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/task_scope.h"
#include "runtime/worker_pool.h"

namespace tidemill::services::platform {

// Sweeps that run at the same time. A long one holds one of these threads and delays the others
// only by that.
inline constexpr std::size_t kSweepThreads = 3;
inline constexpr std::size_t kSweepsMax = 1024;

// Thread-safe, except that sweeps are added before start().
class Sweeps {
 public:
  using Clock = std::chrono::steady_clock;
  // An error is logged with the sweep's name and counted; the next turn comes as usual.
  using Work = std::function<Result<void>()>;

  Sweeps();
  ~Sweeps() { stop(); }

  // `work` runs for the first time `interval` after start(), and then `interval` after its last
  // end, so never twice at once. Aborts when the name is taken.
  void add(std::string name, std::chrono::milliseconds interval, Work work);

  void start();
  // Waits for running sweeps.
  void stop();
  // Starts everything that is due at `now` on the pool. For the scheduler and for tests.
  void run_due(Clock::time_point now);

  struct State {
    std::string name;
    std::chrono::milliseconds interval{0};
    std::uint64_t runs = 0, failures = 0;
    std::chrono::nanoseconds took{0};  // total of all runs
  };
  // In the order in which they were added.
  std::vector<State> states() const;

 private:
  struct Sweep {
    State state;
    Work work;
    Clock::time_point due;
    bool running = false;
  };

  void schedule(const std::stop_token& stop);
  void run(Sweep& sweep);

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Sweep>> sweeps_;  // fixed after start(); `work` needs no lock
  runtime::WorkerPool pool_;
  runtime::TaskScope scope_;
};

}  // namespace tidemill::services::platform
