// A clock for durations that outlive the server process.
#pragma once

#include <string>

#include "base/clock.h"

namespace tidemill {

// Follows the time since boot (CLOCK_BOOTTIME): steps of the wall clock do not move it, and it runs
// while the machine sleeps. It begins at the wall clock's time, and a file keeps this beginning
// with the boot's id, so that a restarted server goes on counting. After a reboot it begins at the
// wall clock's time again, since nothing else measured the time between. Use its times for
// differences and deadlines, not for display. Thread-safe.
class BootClock final : public Clock {
 public:
  // Reads the file, or creates it (its folder must exist). When the file cannot be written the
  // clock works, but begins anew at the next start.
  static BootClock open(const std::string& file, const Clock& wall);
  Timestamp now() const override;

 private:
  explicit BootClock(std::int64_t offset_microseconds)
      : offset_microseconds_(offset_microseconds) {}

  std::int64_t offset_microseconds_;  // difference of this clock to the time since boot
};

}  // namespace tidemill
