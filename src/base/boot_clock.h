// A clock for durations that outlive the server.
#pragma once

#include <string>

#include "base/clock.h"

namespace tidemill {

// Runs as the machine does since it was booted (CLOCK_BOOTTIME): steps of the wall clock do not
// move it, and it counts while the machine sleeps. It begins at the wall clock's time, and where it
// began is kept in a file with the boot's id, so that a restarted server goes on counting. After a
// reboot it begins at the wall clock's time again, since nothing else measured the time between.
// Its times are for differences and deadlines, not to be shown. Thread-safe.
class BootClock final : public Clock {
 public:
  // Reads the file, or makes it (its folder must be there). Where it cannot be written the clock
  // works and the next start begins anew.
  static BootClock open(const std::string& file, const Clock& wall);
  Timestamp now() const override;

 private:
  explicit BootClock(std::int64_t offset_microseconds)
      : offset_microseconds_(offset_microseconds) {}

  std::int64_t offset_microseconds_;  // from the time since the boot to this clock's
};

}  // namespace tidemill
