// A clock for deletion by age, which jumps of the wall clock do not move.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace tidemill {

// The readings of the machine's clocks at one moment; tests choose them.
struct ClockReading {
  std::string boot_id;  // "" when the machine does not tell it
  std::int64_t since_boot_microseconds = 0;
  std::int64_t wall_microseconds = 0;

  static ClockReading take(const Clock& wall);
};

// Counts time that has certainly passed. It begins at the wall clock's time and follows the
// machine's uptime (CLOCK_BOOTTIME); for the time between two boots it trusts the wall clock up to
// a day. So a wall clock that begins in 1970, or jumps ahead by years, makes nothing old. A file
// keeps its state: a look about every hour limits what a reboot loses. Thread-safe.
class AgeClock final : public Clock {
 public:
  // The longest time between two boots for which the wall clock is trusted.
  static constexpr std::chrono::microseconds kBootGapMax = std::chrono::days(1);
  // A machine that was off for at most this long by its wall clock was off, as over a weekend or a
  // holiday: the trusted wall clock moves on by all of it. A longer time is a jump.
  static constexpr std::chrono::microseconds kOffMax = std::chrono::days(30);
  // A wall clock that jumps by this much or more is not trusted...
  static constexpr std::chrono::microseconds kJumpMin = std::chrono::hours(26);
  // ... until it has kept its new course for this long.
  static constexpr std::chrono::microseconds kDoubt = std::chrono::days(7);

  // Reads the file, or begins anew. The file's folder must exist.
  static std::unique_ptr<AgeClock> open(std::string file, const Clock& wall);
  AgeClock(std::string file, const Clock& wall, const ClockReading& reading);

  // Use it for differences only.
  Timestamp now() const override { return now(ClockReading::take(wall_)); }
  Timestamp now(const ClockReading& reading) const;
  // When this clock began: earlier ages were measured by another clock.
  Timestamp began() const;
  // The wall clock's time for irreversible decisions: while the wall clock is in doubt after a
  // jump, the earlier of both times.
  Timestamp wall_for_deletions() const { return wall_for_deletions(ClockReading::take(wall_)); }
  Timestamp wall_for_deletions(const ClockReading& reading) const;
  // Saves the state and checks whether the wall clock has jumped. Call it now and then; tests pass
  // the reading.
  void look(const ClockReading& reading);
  void look() { look(ClockReading::take(wall_)); }

 private:
  std::int64_t now_of(const ClockReading& reading) const;
  void move_trusted_wall(const ClockReading& reading, std::int64_t kept_wall_microseconds,
                         std::int64_t kept_now_microseconds);

  const std::string file_;
  const Clock& wall_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::string boot_id_;
  std::int64_t offset_microseconds_ = 0;  // difference of this clock to the time since boot
  std::int64_t began_microseconds_ = 0;
  std::int64_t wall_offset_microseconds_ = 0;  // difference of the trusted wall clock to this clock
  // The wall clock's difference after a jump, and when the jump was first seen.
  std::optional<std::int64_t> new_wall_offset_microseconds_;
  std::int64_t jump_seen_microseconds_ = 0;
};

}  // namespace tidemill
