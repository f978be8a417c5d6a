#include "base/age_clock.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "base/describe.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text_file.h"

namespace tidemill {
namespace {

struct AgeState {
  std::string boot_id;
  std::int64_t offset_microseconds = 0;
  std::int64_t began_microseconds = 0;
  std::int64_t wall_offset_microseconds = 0;
  std::optional<std::int64_t> new_wall_offset_microseconds;
  std::int64_t jump_seen_microseconds = 0;
  // The time of the last look.
  std::int64_t now_microseconds = 0;
  std::int64_t wall_microseconds = 0;
};
BOOST_DESCRIBE_STRUCT(AgeState, (),
                      (boot_id, offset_microseconds, began_microseconds, wall_offset_microseconds,
                       new_wall_offset_microseconds, jump_seen_microseconds, now_microseconds,
                       wall_microseconds))

// Not synced: a power loss costs no more than a reboot without the last look would.
void keep(const std::string& file, const AgeState& state) {
  const std::string draft = file + ".new";
  std::error_code problem;
  std::ofstream out(draft, std::ios::trunc);
  out << to_json(state) << '\n';
  out.close();
  if (out) std::filesystem::rename(draft, file, problem);
  if (!out || problem) log::warning("the clock of ages could not be kept", {{"file", file}});
}

bool far(std::int64_t a, std::int64_t b) { return std::abs(a - b) >= AgeClock::kJumpMin.count(); }

bool may_have_been_off(std::int64_t microseconds) {
  return microseconds >= 0 && microseconds <= AgeClock::kOffMax.count();
}

}  // namespace

ClockReading ClockReading::take(const Clock& wall) {
  ClockReading reading;
  reading.boot_id = read_text_file("/proc/sys/kernel/random/boot_id").value_or("");
  while (reading.boot_id.ends_with('\n')) reading.boot_id.pop_back();
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  reading.since_boot_microseconds = std::int64_t(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
  reading.wall_microseconds = wall.now().microseconds;
  return reading;
}

std::unique_ptr<AgeClock> AgeClock::open(std::string file, const Clock& wall) {
  return std::make_unique<AgeClock>(std::move(file), wall, ClockReading::take(wall));
}

AgeClock::AgeClock(std::string file, const Clock& wall, const ClockReading& reading)
    : file_(std::move(file)), wall_(wall), boot_id_(reading.boot_id) {
  std::int64_t now_microseconds = reading.wall_microseconds;
  Result<AgeState> kept = from_json<AgeState>(read_text_file(file_).value_or(""));
  const bool same_boot = kept && !boot_id_.empty() && kept->boot_id == boot_id_;
  if (kept) {
    const std::int64_t gap = reading.wall_microseconds - kept->wall_microseconds;
    now_microseconds =
        same_boot ? reading.since_boot_microseconds + kept->offset_microseconds
                  : kept->now_microseconds + std::clamp<std::int64_t>(gap, 0, kBootGapMax.count());
    began_microseconds_ = kept->began_microseconds;
    wall_offset_microseconds_ = kept->wall_offset_microseconds;
    new_wall_offset_microseconds_ = kept->new_wall_offset_microseconds;
    jump_seen_microseconds_ = kept->jump_seen_microseconds;
  } else {
    began_microseconds_ = now_microseconds;
  }
  offset_microseconds_ = now_microseconds - reading.since_boot_microseconds;
  if (kept && !same_boot)
    move_trusted_wall(reading, kept->wall_microseconds, kept->now_microseconds);
  look(reading);
}

// At a new boot: adds the time that the machine was off, as far as now() does not count it, to the
// trusted wall clock.
void AgeClock::move_trusted_wall(const ClockReading& reading, std::int64_t kept_wall_microseconds,
                                 std::int64_t kept_now_microseconds) {
  const std::int64_t counted = now_of(reading) - kept_now_microseconds;
  const std::int64_t by_wall = reading.wall_microseconds - kept_wall_microseconds;
  // This differs from `by_wall` while the wall clock is in doubt.
  const std::int64_t by_trusted =
      reading.wall_microseconds - (kept_now_microseconds + wall_offset_microseconds_);
  if (may_have_been_off(by_wall)) {
    wall_offset_microseconds_ += by_wall - counted;
    // A doubt goes on: the machine was off for as long by either course of the wall clock.
    if (new_wall_offset_microseconds_) *new_wall_offset_microseconds_ += by_wall - counted;
  } else if (may_have_been_off(by_trusted)) {
    wall_offset_microseconds_ += by_trusted - counted;  // the reboot took the jump back
  }
}

std::int64_t AgeClock::now_of(const ClockReading& reading) const {
  return reading.since_boot_microseconds + offset_microseconds_;
}

Timestamp AgeClock::now(const ClockReading& reading) const {
  std::lock_guard lock(mutex_);
  return {now_of(reading)};
}

Timestamp AgeClock::began() const {
  std::lock_guard lock(mutex_);
  return {began_microseconds_};
}

Timestamp AgeClock::wall_for_deletions(const ClockReading& reading) const {
  std::lock_guard lock(mutex_);
  const std::int64_t believed = now_of(reading) + wall_offset_microseconds_;
  if (!far(reading.wall_microseconds, believed)) return {reading.wall_microseconds};
  return {std::min(reading.wall_microseconds, believed)};
}

void AgeClock::look(const ClockReading& reading) {
  std::lock_guard lock(mutex_);
  const std::int64_t now_microseconds = now_of(reading);
  const std::int64_t seen_offset = reading.wall_microseconds - now_microseconds;
  if (!far(seen_offset, wall_offset_microseconds_)) {
    wall_offset_microseconds_ = seen_offset;  // small corrections are followed
    new_wall_offset_microseconds_.reset();
  } else if (!new_wall_offset_microseconds_ || far(seen_offset, *new_wall_offset_microseconds_)) {
    new_wall_offset_microseconds_ = seen_offset;
    jump_seen_microseconds_ = now_microseconds;
    log::warning(
        "the wall clock has jumped: what is deleted by age is judged by the earlier time "
        "until the clock has been steady for seven days",
        {{"wall", format_iso8601({reading.wall_microseconds})},
         {"expected", format_iso8601({now_microseconds + wall_offset_microseconds_})}});
  } else if (now_microseconds - jump_seen_microseconds_ >= kDoubt.count()) {
    log::info("the wall clock is believed again",
              {{"wall", format_iso8601({reading.wall_microseconds})}});
    wall_offset_microseconds_ = seen_offset;
    new_wall_offset_microseconds_.reset();
  }
  keep(file_, {boot_id_, offset_microseconds_, began_microseconds_, wall_offset_microseconds_,
               new_wall_offset_microseconds_, jump_seen_microseconds_, now_microseconds,
               reading.wall_microseconds});
}

}  // namespace tidemill
