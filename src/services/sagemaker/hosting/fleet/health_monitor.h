// Asks every model server in service for /ping now and then, on one thread for all of them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/task_scope.h"
#include "services/sagemaker/hosting/fleet/server_health.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker::hosting {

// The period that SageMaker's containers see in their logs.
inline constexpr std::chrono::seconds kPingIntervalDefault{5};
// Pings under way, of all servers; more are late.
inline constexpr std::size_t kPingsUnderWayMax = 256;
// Between SIGTERM and SIGKILL for a server that does not answer: it will hardly hear the first.
inline constexpr std::chrono::seconds kSilentStopGrace{2};

// One that has failed its health check.
struct UnhealthyServer {
  std::string job;
  std::string reason;               // "GET /ping failed 3 times in a row: status 500"
  std::chrono::seconds stop_grace;  // for its process
};

struct HealthOptions {
  std::chrono::milliseconds interval = kPingIntervalDefault;  // 0: nobody is asked
  // Asks once; never blocks. `done` comes once, from any thread.
  std::function<void(const sagemaker_runtime::ServerAddress&,
                     std::move_only_function<void(sagemaker_runtime::PingAnswer)> done)>
      ping;
  // False when nobody can ever connect to it, so that no ping is to be waited for: a server that an
  // earlier version of this program started has no socket where this one looks. Empty: all can be.
  // May block for a moment.
  std::function<bool(const sagemaker_runtime::ServerAddress&)> is_reachable = {};
  // The processor time of the job's whole process tree so far. May block for a moment.
  std::function<std::optional<double>(const std::string& job)> cpu_seconds;
  // Takes the server out of service and ends it. Called again until the server is no longer
  // watched; false: nothing was done. May block.
  std::function<bool(const UnhealthyServer&)> unhealthy;
};

struct HealthCounters {
  std::atomic<std::uint64_t> pings = 0, pings_failed = 0, pings_busy = 0, unhealthy = 0;
  void add_to(platform::MetricRegistry& metrics) const;
};

// Thread-safe.
class HealthMonitor {
 public:
  explicit HealthMonitor(HealthOptions options);
  ~HealthMonitor();

  void start();
  // Drops the pings that are under way. Idempotent.
  void stop();

  // From now on the endpoint's servers are those of this route that have a job, leaving ones among
  // them. What is known of those that it had before stays known.
  void watch(const sagemaker_runtime::EndpointRoute& route);
  void forget(std::string_view account, std::string_view region, std::string_view endpoint);
  // Their processes are about to be stopped.
  void drop(const std::vector<sagemaker_runtime::InstanceRoute>& instances);
  std::size_t watched() const;

  HealthCounters counters;

 private:
  using Time = ServerHealth::Clock::time_point;
  struct Watched;
  // Shared: with the pings under way.
  using WatchedPointer = std::shared_ptr<Watched>;
  struct Answers;

  void replace(const std::string& key, std::map<std::string, WatchedPointer> servers);
  Time first_look(const std::string& job) const;
  void run(std::stop_token stop);
  void ask(const WatchedPointer& watched);
  void judge(const WatchedPointer& watched, const sagemaker_runtime::PingAnswer& answer);
  void settle(Watched& watched, const sagemaker_runtime::PingAnswer& answer);
  UnhealthyServer failed(const Watched& watched, const sagemaker_runtime::PingAnswer& answer) const;
  void report(sagemaker_runtime::InstanceLoad& load, const UnhealthyServer& server);
  void give_up(const WatchedPointer& watched);

  const HealthOptions options_;
  // Shared: with the pings under way, which may outlive this.
  const std::shared_ptr<Answers> answers_;
  mutable std::mutex mutex_;
  // Guarded by mutex_: by endpoint, by job.
  std::map<std::string, std::map<std::string, WatchedPointer>> endpoints_;
  std::multimap<Time, WatchedPointer> due_;  // guarded by mutex_; who is asked has no place in it
  runtime::TaskScope scope_;
};

}  // namespace tidemill::services::sagemaker::hosting
