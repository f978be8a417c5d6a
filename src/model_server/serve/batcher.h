// Runs a model for many requests: those that arrive during a run form the next one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "model_server/onnx/session.h"

namespace tidemill::model_server {

struct BatcherOptions {
  // Requests may be joined along the first dimension (see rows_are_independent).
  bool join = false;
  std::size_t waiting_max = 1024;     // waiting requests; beyond it try_submit() is false
  std::int64_t rows_max = 512;        // of a run that joins requests
  std::size_t bytes_max = 64u << 20;  // of its inputs
};

// Has its own thread, which never waits for a batch to fill: when it is idle, a request runs at
// once.
class Batcher {
 public:
  using Done = std::move_only_function<void(Result<Tensors>)>;

  Batcher(Runner& runner, BatcherOptions options);
  ~Batcher();  // stop()
  // `done` comes once, on the batcher's thread. False, and nothing is taken, when too many wait.
  bool try_submit(Tensors& inputs, Done& done);
  // Lets the current run end; waiting requests are answered with Tidemill.Cancelled.
  void stop();

  std::uint64_t runs() const { return runs_.load(std::memory_order_relaxed); }

 private:
  struct Job {
    Tensors inputs;
    Done done;
  };
  void work();
  void run_all(std::vector<Job>& jobs);
  void run_joined(std::vector<Job*>& jobs);
  void run_alone(Job& job);

  Runner& runner_;
  const BatcherOptions options_;
  std::atomic<std::uint64_t> runs_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;  // guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::thread thread_;
};

// Whether the rows of a batch do not affect each other: the first dimension of every input and
// output is dynamic, and two rows together give the same as each alone. A first dimension that is a
// sequence's length fails the trial. `why_not` gets the reason.
bool rows_are_independent(Runner& runner, std::string& why_not);

// One row of small numbers: tokens, flags and measurements all take 0 and 1. Tidemill.Invalid when
// the inputs are too large.
Result<Tensors> trial_row(const std::vector<TensorSpec>& inputs, bool second);

}  // namespace tidemill::model_server
