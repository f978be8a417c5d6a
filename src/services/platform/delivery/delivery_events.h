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

// The dead letter could not be delivered either, and will be sent again.
struct BuryFailed {
  static constexpr const char* kType = "BuryFailed";
  std::int64_t delay_milliseconds = 0;  // drawn by the task, too
};
BOOST_DESCRIBE_STRUCT(BuryFailed, (), (delay_milliseconds))

// The delivery is over, but the store did not erase its record.
struct ForgetFailed {
  static constexpr const char* kType = "ForgetFailed";
};
BOOST_DESCRIBE_STRUCT(ForgetFailed, (), ())

namespace delivery_tasks {
inline constexpr const char* kAttempt = "Attempt";
inline constexpr const char* kBury = "Bury";
inline constexpr const char* kForget = "Forget";
}  // namespace delivery_tasks

// How often a dead letter itself is sent before the event is dropped.
inline constexpr int kBuryAttemptsMax = 10;

}  // namespace tidemill::services::platform
