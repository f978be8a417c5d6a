// The common part of training jobs and transform jobs, which run to an end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "services/platform/handlers/handlers.h"
#include "services/platform/held/held_answers.h"

namespace tidemill::services::sagemaker::jobs {

// Events; the payload's members in braces.
namespace job_events {
inline constexpr const char* kFailed = "Failed";                // {reason}
inline constexpr const char* kStopRequested = "StopRequested";  //
inline constexpr const char* kTaskFailed = "TaskFailed";        // the engine's

struct StopRequested {
  static constexpr const char* kType = kStopRequested;
};
BOOST_DESCRIBE_STRUCT(StopRequested, (), ())

struct Failed {
  static constexpr const char* kType = kFailed;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Failed, (), (reason))
}  // namespace job_events

// The result of a task: one event; kFailed with its reason.
std::vector<engine::Event> one_event(const char* type, Value payload = {});
std::vector<engine::Event> failed_event(const std::string& reason);

// kind: "training-job".
std::string job_arn(const Context& context, std::string_view kind, std::string name);

// A Describe of a job that was created then waits for its end no longer than this. Clients poll no
// faster than every 5 seconds, the SageMaker SDK v2 with logs every 30 and waits for transform jobs
// every 60; a script that imports scikit-learn takes some 5 seconds.
platform::HeldAnswers::Clock::time_point held_until(Timestamp created, Timestamp now);

}  // namespace tidemill::services::sagemaker::jobs
