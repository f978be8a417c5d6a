// A clock for what is deleted when it has become old: no jump of the wall clock moves it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace tidemill {

// What the machine's clocks say at one moment; the parts are chosen by tests.
struct ClockReading {
  std::string boot_id;  // "" where the machine does not say
  std::int64_t since_boot_microseconds = 0;
  std::int64_t wall_microseconds = 0;

  static ClockReading take(const Clock& wall);
};

// Counts time that has certainly passed. It begins at the wall clock's time, goes on as the machine
// runs (CLOCK_BOOTTIME), and for the time between two boots it believes the wall clock up to a day.
// So a wall clock that begins in 1970, or jumps ahead by years, makes nothing old. Its state is
// kept in a file: a look every hour or so bounds what a reboot loses. Thread-safe.
class AgeClock final : public Clock {
 public:
  // For a reboot the wall clock is believed this far.
  static constexpr std::chrono::microseconds kBootGapMax = std::chrono::days(1);
  // A wall clock that went this far away from what is counted is not believed...
  static constexpr std::chrono::microseconds kJumpMin = std::chrono::hours(26);
  // ... until it has kept its new course for as long as this.
  static constexpr std::chrono::microseconds kDoubt = std::chrono::days(7);

  // Reads the file, or begins anew. Its folder must be there.
  static std::unique_ptr<AgeClock> open(std::string file, const Clock& wall);
  AgeClock(std::string file, const Clock& wall, const ClockReading& reading);

  // For differences.
  Timestamp now() const override { return now(ClockReading::take(wall_)); }
  Timestamp now(const ClockReading& reading) const;
  // When it began: ages from before it were measured by another clock.
  Timestamp began() const;
  // The wall clock's time for decisions that cannot be undone: the earlier one of both, while the
  // wall clock is in doubt after a jump.
  Timestamp wall_for_deletions() const { return wall_for_deletions(ClockReading::take(wall_)); }
  Timestamp wall_for_deletions(const ClockReading& reading) const;
  // Writes the state down, and looks whether the wall clock has jumped. To be called now and then,
  // and tests give it the reading.
  void look(const ClockReading& reading);
  void look() { look(ClockReading::take(wall_)); }

 private:
  std::int64_t now_of(const ClockReading& reading) const;

  const std::string file_;
  const Clock& wall_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::string boot_id_;
  std::int64_t offset_microseconds_ = 0;  // from the time since the boot to this clock's
  std::int64_t began_microseconds_ = 0;
  std::int64_t wall_offset_microseconds_ = 0;  // from this clock to the wall clock that is believed
  // Where the wall clock stands after a jump, and when that was first seen.
  std::optional<std::int64_t> new_wall_offset_microseconds_;
  std::int64_t jump_seen_microseconds_ = 0;
};

}  // namespace tidemill
