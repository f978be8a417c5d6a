#include "services/platform/cancellation/stop_check.h"

namespace tidemill::services::platform {
namespace {

constexpr std::chrono::milliseconds kAskInterval{200};

}  // namespace

bool StopCheck::stopped() {
  if (token_.stop_requested()) return true;
  if (!requested_) return false;
  const auto now = Steady::now();
  if (!requested_at_ && now - asked_ >= kAskInterval) {
    asked_ = now;
    if (requested_()) requested_at_ = now;
  }
  return requested_at_ && now - *requested_at_ >= grace_;
}

Result<void> StopCheck::check() {
  if (stopped()) return fail(codes::kCancelled, "the work was stopped");
  return {};
}

}  // namespace tidemill::services::platform
