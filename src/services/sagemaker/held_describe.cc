#include "services/sagemaker/held_describe.h"

#include <algorithm>

namespace tidemill::services::sagemaker {
namespace {

constexpr std::chrono::milliseconds kSlice{500};
// Kept free of the request's deadline, to answer.
constexpr std::chrono::milliseconds kDeadlineMargin{500};
// A quarter of the default number of workers.
constexpr std::size_t kHeldMaxUsual = 6;

}  // namespace

std::atomic<std::size_t> HeldDescribes::held_max_{kHeldMaxUsual};
std::atomic<std::size_t> HeldDescribes::held_{0};

bool HeldDescribes::wait_for_text(
    const Context& context, const std::string& key, Clock::time_point until,
    const std::function<bool(const std::optional<std::string>&)>& changed) {
  if (context.deadline != Clock::time_point())
    until = std::min(until, context.deadline - kDeadlineMargin);
  if (Clock::now() >= until) return false;
  if (held_.fetch_add(1) >= held_max_) {
    held_.fetch_sub(1);
    return false;
  }
  // In slices, since a server that stops wakes nobody here.
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left <= left.zero() || context.stop.stop_requested()) break;
    if (engine_.wait_for(machine_, key, std::min(left, kSlice), changed)) break;
  }
  held_.fetch_sub(1);
  return true;
}

}  // namespace tidemill::services::sagemaker
