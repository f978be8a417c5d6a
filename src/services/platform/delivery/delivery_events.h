// Events and tasks of a delivery; internal to delivery/.
#pragma once

#include <string>

#include "base/describe.h"

namespace tidemill::services::platform {

struct AttemptFailed {
  static constexpr const char* kType = "AttemptFailed";
  std::string code, message;
  bool refused = false;
  std::int64_t delay_milliseconds = 0;  // drawn by the task: transitions are pure
};
BOOST_DESCRIBE_STRUCT(AttemptFailed, (), (code, message, refused, delay_milliseconds))

namespace delivery_tasks {
inline constexpr const char* kAttempt = "Attempt";
inline constexpr const char* kBury = "Bury";
}  // namespace delivery_tasks

// Retries of a dead letter's own delivery.
inline constexpr int kBuryAttemptsMax = 10;

}  // namespace tidemill::services::platform
