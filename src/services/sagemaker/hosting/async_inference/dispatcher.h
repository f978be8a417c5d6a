// Takes queued invocations to the models: in memory the keys in their order, an endpoint a queue,
// as many under way as its instances take.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "runtime/task_scope.h"
#include "runtime/worker_pool.h"
#include "services/sagemaker/hosting/async_inference/async_invocation.h"
#include "services/sagemaker/hosting/async_inference/ports.h"
#include "store/store.h"

namespace tidemill::services::sagemaker::hosting {

struct AsyncOptions {
  // Invocations under way on all endpoints, and the bytes of their inputs.
  int running_max = 64;
  std::uint64_t running_bytes_max = 512u << 20;
  // SageMaker's own limit on an input.
  std::uint64_t input_bytes_max = 1u << 30;
  // Waiting, of one endpoint and of all; beyond it InvokeEndpointAsync is refused.
  std::size_t queued_per_endpoint_max = 20'000;
  std::size_t queued_max = 200'000;
  // The pause before an endpoint without an instance or room is checked again.
  std::chrono::milliseconds look_interval{500};
  std::size_t io_threads = 4;  // that read inputs and write outputs
};

struct AsyncCounters {
  std::atomic<std::uint64_t> accepted = 0, completed = 0, failed = 0;
};

// Thread-safe.
class AsyncDispatcher {
 public:
  AsyncDispatcher(store::Store& store, engine::Engine& engine, AsyncPorts ports,
                  AsyncOptions options);
  ~AsyncDispatcher();

  void start();
  // Gives back what is under way; its answers come to nothing. Before engine.stop().
  void stop();

  // Whether one more may wait for this endpoint.
  bool has_room(const AsyncInvocation& invocation) const;
  // It is in the store.
  void add(const AsyncInvocation& invocation);
  // It is not to be dispatched any more (it expired).
  void remove(const AsyncInvocation& invocation);

  struct Backlog {
    std::string account, region, endpoint;
    std::size_t waiting = 0;
    int running = 0;
  };
  std::vector<Backlog> backlog() const;

  AsyncCounters counters;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Queue {
    std::string account, region, endpoint;
    std::set<std::string> keys;  // their order is that of arrival
    int running = 0;
    SteadyTime not_before{};
  };
  // An invocation under way.
  struct Running {
    AsyncInvocation invocation;
    std::string key;
    AsyncTarget target;
    std::uint64_t bytes = 0;  // reserved of running_bytes_max
  };
  // Shared: between the steps of an invocation, which run on different threads.
  using RunningPointer = std::shared_ptr<Running>;

  static std::string name_of(const AsyncInvocation& invocation);
  // Under mutex_.
  void put_back(const AsyncInvocation& invocation, const std::string& key);
  void drop_if_idle(const std::string& name);
  void run(std::stop_token stop);
  std::vector<std::string> due_queues(SteadyTime now);
  void dispatch(const std::string& name);

  // Steps of one invocation, on the pool.
  void begin(const RunningPointer& running);
  Result<std::string> fetch(Running& running, std::string& content_type);
  bool reserve_bytes(Running& running, std::uint64_t bytes);
  void invoke(const RunningPointer& running, std::string body, std::string content_type);
  void finish(const RunningPointer& running, Result<AsyncAnswer> answer);
  Result<void> store_output(const Running& running, AsyncAnswer answer);
  // Ends the invocation: its slot is free again; with `again` its key goes back to the queue.
  void settle(const RunningPointer& running, const engine::Event& event);
  enum class Leaving { done, again, no_room };
  void leave(const Running& running, Leaving how);

  store::Store& store_;
  engine::Engine& engine_;
  const AsyncPorts ports_;
  const AsyncOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Queue> queues_;  // guarded by mutex_
  std::size_t waiting_ = 0;              // guarded by mutex_: keys in all queues
  int running_ = 0;                      // guarded by mutex_
  std::uint64_t running_bytes_ = 0;      // guarded by mutex_
  std::set<std::string> under_way_;      // guarded by mutex_: keys with the phase running
  std::size_t turn_ = 0;                 // guarded by mutex_
  bool look_ = false;                    // guarded by mutex_
  bool stopped_ = false;                 // guarded by mutex_
  runtime::WorkerPool pool_;
  runtime::TaskScope scope_;
};

}  // namespace tidemill::services::sagemaker::hosting
