// The requests in progress on one instance of a variant. Created by the publisher of the route,
// which waits for them before it stops the instance, or else by the routing table.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace tidemill::services::sagemaker_runtime {

// For this long after refusing a connection, an instance counts as having kRequestsPerInstanceMax -
// 1 more requests, so it is asked only when the other instances have no room.
inline constexpr std::chrono::seconds kRefusalPenalty{2};
inline constexpr int kRefusalPenaltyRequests = 255;

// Why an instance is being removed even though it may have requests in progress.
enum class Leaving : std::uint8_t { no, stopped, unhealthy };

// Thread-safe.
struct InstanceLoad {
  using Clock = std::chrono::steady_clock;
  std::atomic<int> in_flight = 0;
  std::atomic<Leaving> leaving = Leaving::no;
  std::atomic<Clock::rep> avoided_until = 0;  // 0: it refused nothing

  void refused() { avoided_until = (Clock::now() + kRefusalPenalty).time_since_epoch().count(); }
  bool avoided() const {
    const Clock::rep until = avoided_until.load(std::memory_order_relaxed);
    return until != 0 && Clock::now().time_since_epoch().count() < until;
  }
  // Lets a health check tell a busy server from one that hangs: when it last answered anything, and
  // how long the requests may take that it was sent since it last had none.
  std::atomic<Clock::rep> answered_at = 0;
  std::atomic<int> seconds_max = 0, queued_seconds_max = 0;

  void sent(std::chrono::seconds limit, bool from_queue) {
    raise(seconds_max, static_cast<int>(limit.count()));
    if (from_queue) raise(queued_seconds_max, static_cast<int>(limit.count()));
  }
  // Call it when nothing is in progress. Requests that begin meanwhile keep their limits.
  void forget_limits() {
    const int seconds = seconds_max.exchange(0), queued_seconds = queued_seconds_max.exchange(0);
    if (in_flight == 0) return;
    raise(seconds_max, seconds);
    raise(queued_seconds_max, queued_seconds);
  }
  void answered() {
    answered_at.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  }

  // Requests in progress, plus the penalty for recent refusals.
  int weight() const {
    return in_flight.load(std::memory_order_relaxed) + (avoided() ? kRefusalPenaltyRequests : 0);
  }

 private:
  static void raise(std::atomic<int>& most, int value) {
    int known = most.load(std::memory_order_relaxed);
    while (known < value && !most.compare_exchange_weak(known, value, std::memory_order_relaxed)) {
    }
  }
};

}  // namespace tidemill::services::sagemaker_runtime
