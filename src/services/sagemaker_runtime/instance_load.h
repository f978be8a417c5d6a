// What one instance of a variant has under way. Made by whoever publishes the route, so that it can
// wait for what is under way before it stops the instance, or by the routing table.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace tidemill::services::sagemaker_runtime {

// How long an instance that refused a connection counts as if it had so many more requests under
// way: it is asked when the others have no room, one less than kRequestsPerInstanceMax.
inline constexpr std::chrono::seconds kRefusalPenalty{2};
inline constexpr int kRefusalPenaltyRequests = 255;

// Why an instance is taken away although it may have requests under way.
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
  // What a health check needs to tell a server that is busy from one that hangs: when it last
  // answered anything, and how long the requests may take that were sent to it since it had none.
  std::atomic<Clock::rep> answered_at = 0;
  std::atomic<int> seconds_max = 0, queued_seconds_max = 0;

  void sent(std::chrono::seconds limit, bool from_queue) {
    raise(seconds_max, static_cast<int>(limit.count()));
    if (from_queue) raise(queued_seconds_max, static_cast<int>(limit.count()));
  }
  // Once it has nothing to do. What begins meanwhile keeps what it says.
  void forget_limits() {
    const int seconds = seconds_max.exchange(0), queued_seconds = queued_seconds_max.exchange(0);
    if (in_flight == 0) return;
    raise(seconds_max, seconds);
    raise(queued_seconds_max, queued_seconds);
  }
  void answered() {
    answered_at.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  }

  // Requests under way, and those that the refusals of a moment ago are worth.
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
