// Whether long work should end: because its job was stopped, or because the server is stopping.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/error.h"

namespace tidemill::services::platform {

// Checked between two pieces of work, so it is cheap. For one thread at a time.
class StopCheck {
 public:
  // `requested` (empty: never) reads the record; it is called at most a few times a second. Work
  // continues for `grace` after it first returned true, so that nearly finished work is kept; a
  // stopped token allows no grace.
  explicit StopCheck(std::stop_token token, std::function<bool()> requested = {},
                     std::chrono::milliseconds grace = {})
      : token_(std::move(token)), requested_(std::move(requested)), grace_(grace) {}
  bool stopped();
  // Fails with Tidemill.Cancelled once stopped.
  Result<void> check();

 private:
  using Steady = std::chrono::steady_clock;
  std::stop_token token_;
  std::function<bool()> requested_;
  std::chrono::milliseconds grace_;
  Steady::time_point asked_{};
  std::optional<Steady::time_point> requested_at_;
};

}  // namespace tidemill::services::platform
