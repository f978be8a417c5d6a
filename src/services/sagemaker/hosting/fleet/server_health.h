// Whether a model server is healthy, by what it answers to GET /ping and what it has to do. Pure.
//
// SageMaker asks a container's /ping every 5 s and wants 200 within 2 s. It does not say what it
// makes of one that is too busy to answer; see docs/adr/0009.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

// Pings in a row that fail before the server is taken out of service.
inline constexpr int kFailedPingsMax = 3;
// A server that has requests and is silent may wait for something this long, SageMaker's own limit
// on an answer, and longer when a queue lets its requests take longer.
inline constexpr std::chrono::seconds kSilentWaitMax{60};
// The share of one processor below which a server does not count as working.
inline constexpr double kWorkingShareMin = 0.05;

class ServerHealth {
 public:
  using Clock = std::chrono::steady_clock;
  using Ping = sagemaker_runtime::PingAnswer;
  enum class Verdict { healthy, busy, failing, unhealthy };

  explicit ServerHealth(Clock::time_point now) : sign_of_life_(now) {}

  // The work of the server when a ping ends.
  struct Work {
    int under_way = 0;
    Clock::time_point answered_at{};  // when it last answered any request
    // The time that requests under way may take, and those that came from a queue.
    std::chrono::seconds seconds_max{0}, queued_seconds_max{0};
    std::optional<double> cpu_seconds;  // used so far; nullopt: not known
  };
  Verdict judge(const Ping& ping, bool pings_while_busy, const Work& work, Clock::time_point now);
  int failures() const { return failures_; }

 private:
  bool works(const Work& work, Clock::time_point now);

  int failures_ = 0;  // in a row
  Clock::time_point sign_of_life_;
  std::optional<double> cpu_seconds_;  // as it was at the last silence, since it last answered
  Clock::time_point cpu_seen_{};
};

}  // namespace tidemill::services::sagemaker::hosting
