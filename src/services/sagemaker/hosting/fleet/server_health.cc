#include "services/sagemaker/hosting/fleet/server_health.h"

#include <algorithm>

namespace tidemill::services::sagemaker::hosting {

ServerHealth::Verdict ServerHealth::judge(const Ping& ping, bool pings_while_busy, const Work& work,
                                          Clock::time_point now) {
  if (ping.kind == Ping::Kind::good) {
    failures_ = 0;
    sign_of_life_ = now;
    cpu_seconds_.reset();
    return Verdict::healthy;
  }
  if (ping.kind == Ping::Kind::silent && !pings_while_busy && works(work, now))
    return Verdict::busy;
  ++failures_;
  return failures_ < kFailedPingsMax ? Verdict::failing : Verdict::unhealthy;
}

// Its silence may be work: it has requests and either computes, for as long as they may take, or
// waits, for not so long.
bool ServerHealth::works(const Work& work, Clock::time_point now) {
  if (work.under_way == 0) return false;
  const std::optional<double> before = std::exchange(cpu_seconds_, work.cpu_seconds);
  const Clock::time_point seen = std::exchange(cpu_seen_, now);
  const auto silent = now - std::max(sign_of_life_, work.answered_at);
  if (silent <= std::max(std::min(work.seconds_max, kSilentWaitMax), work.queued_seconds_max))
    return true;
  if (!before || !work.cpu_seconds || silent > work.seconds_max) return false;
  const double elapsed = std::chrono::duration<double>(now - seen).count();
  // Less than before: a process of it has ended, so something goes on.
  return *work.cpu_seconds < *before || *work.cpu_seconds - *before >= kWorkingShareMin * elapsed;
}

}  // namespace tidemill::services::sagemaker::hosting
