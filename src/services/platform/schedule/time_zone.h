// Time zones, with daylight saving, from the system's tz data (/usr/share/zoneinfo).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/value.h"

namespace date {
class time_zone;
}

namespace tidemill::services::platform {

// A date and a time of day as a wall clock shows them, without a zone.
struct LocalTime {
  std::chrono::sys_days day;  // in the calendar of the zone
  int hour = 0, minute = 0, second = 0;
  auto operator<=>(const LocalTime&) const = default;
};

// Cheap to copy; the data lives as long as the process.
class TimeZone {
 public:
  static TimeZone utc();
  // Takes a name like "Europe/Berlin". Tidemill.Invalid when the system has no such zone.
  static Result<TimeZone> find(std::string_view name);

  LocalTime local(Timestamp time) const;
  // The instant at which clocks first show the time; nullopt when they skip it in spring.
  std::optional<Timestamp> instant(const LocalTime& local) const;
  // The same, but for a skipped time returns the instant at which clocks were put forward.
  Timestamp instant_or_change(const LocalTime& local) const;
  std::string name() const;

 private:
  explicit TimeZone(const date::time_zone* zone) : zone_(zone) {}
  const date::time_zone* zone_;
};

}  // namespace tidemill::services::platform
