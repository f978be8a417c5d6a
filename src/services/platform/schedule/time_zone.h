// Time zones of the system's tz data (/usr/share/zoneinfo), with daylight saving.
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

// A date and a time of day that clocks on the wall show, without a zone.
struct LocalTime {
  std::chrono::sys_days day;  // of the zone's calendar
  int hour = 0, minute = 0, second = 0;
  auto operator<=>(const LocalTime&) const = default;
};

// Cheap to copy; the data lives as long as the process.
class TimeZone {
 public:
  static TimeZone utc();
  // "Europe/Berlin". Tidemill.Invalid when the system knows no such zone.
  static Result<TimeZone> find(std::string_view name);

  LocalTime local(Timestamp time) const;
  // The instant at which clocks first show it; nullopt when they skip it in spring.
  std::optional<Timestamp> instant(const LocalTime& local) const;
  // The same, but for one that is skipped the instant at which clocks were put forward.
  Timestamp instant_or_change(const LocalTime& local) const;
  std::string name() const;

 private:
  explicit TimeZone(const date::time_zone* zone) : zone_(zone) {}
  const date::time_zone* zone_;
};

}  // namespace tidemill::services::platform
