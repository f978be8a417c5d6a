// The events and tasks of a delivery's state machine; internal to delivery/.
#pragma once

#include <string>

#include "base/describe.h"

namespace tidemill::services::platform {

struct AttemptFailed {
  static constexpr const char* kType = "AttemptFailed";
  std::string code, message;
  bool refused = false;
  std::int64_t delay_milliseconds = 0;  // drawn by the task, because transitions are pure
};
BOOST_DESCRIBE_STRUCT(AttemptFailed, (), (code, message, refused, delay_milliseconds))

// Sending the dead letter failed too; it will be sent again.
struct BuryFailed {
  static constexpr const char* kType = "BuryFailed";
  std::int64_t delay_milliseconds = 0;  // drawn by the task
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

// How often sending a dead letter is tried before the event is dropped.
inline constexpr int kBuryAttemptsMax = 10;

}  // namespace tidemill::services::platform
