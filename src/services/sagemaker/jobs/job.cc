#include "services/sagemaker/jobs/job.h"

#include <algorithm>

#include "base/arn.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

constexpr std::chrono::milliseconds kHeldAge{10'000};

}  // namespace

std::vector<engine::Event> one_event(const char* type, Value payload) {
  return {{type, std::move(payload)}};
}

std::vector<engine::Event> failed_event(const std::string& reason) {
  ValueObject payload;
  payload.append("reason", reason);
  return one_event(job_events::kFailed, std::move(payload));
}

std::string job_arn(const Context& context, std::string_view kind, std::string name) {
  // SageMaker's ARNs are in lower case, whatever the name.
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return char(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  return Arn{.service = "sagemaker",
             .region = context.region,
             .account = context.account(),
             .resource = std::string(kind) + "/" + name}
      .text();
}

platform::HeldAnswers::Clock::time_point held_until(Timestamp created, Timestamp now) {
  // Between the two the wall clock may have been set: nobody is held for longer than a young job's
  // first reader.
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - created);
  return platform::HeldAnswers::Clock::now() +
         (kHeldAge - std::clamp<std::chrono::milliseconds>(age, {}, kHeldAge));
}

}  // namespace tidemill::services::sagemaker::jobs
