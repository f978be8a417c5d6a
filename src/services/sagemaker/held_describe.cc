#include "services/sagemaker/held_describe.h"

#include <algorithm>

namespace tidemill::services::sagemaker {
namespace {

constexpr std::chrono::milliseconds kSlice{500};
// Kept free of the request's deadline, to answer.
constexpr std::chrono::milliseconds kDeadlineMargin{500};

}  // namespace

bool HeldDescribes::wait_for_text(
    const Context& context, const std::string& key, Clock::time_point until,
    const std::function<bool(const std::optional<std::string>&)>& changed) {
  if (context.deadline != Clock::time_point())
    until = std::min(until, context.deadline - kDeadlineMargin);
  if (Clock::now() >= until || !held_.try_acquire()) return false;
  // In slices, since a server that stops wakes nobody here.
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left <= left.zero() || context.stop.stop_requested()) break;
    if (engine_.wait_for(machine_, key, std::min(left, kSlice), changed)) break;
  }
  held_.release();
  return true;
}

}  // namespace tidemill::services::sagemaker
