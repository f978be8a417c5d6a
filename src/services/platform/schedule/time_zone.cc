#include "services/platform/schedule/time_zone.h"

#include <date/tz.h>

#include <exception>

namespace tidemill::services::platform {

namespace {

std::chrono::seconds of_day(const LocalTime& local) {
  return std::chrono::hours(local.hour) + std::chrono::minutes(local.minute) +
         std::chrono::seconds(local.second);
}

date::local_seconds to_date(const LocalTime& local) {
  return date::local_seconds(local.day.time_since_epoch() + of_day(local));
}

Timestamp to_timestamp(date::sys_seconds time) {
  return {std::chrono::microseconds(time.time_since_epoch()).count()};
}

}  // namespace

TimeZone TimeZone::utc() {
  static const date::time_zone* zone = date::locate_zone("Etc/UTC");
  return TimeZone(zone);
}

Result<TimeZone> TimeZone::find(std::string_view name) {
  try {
    // Names are paths below the system's time zone folder.
    if (!name.empty() && name.size() <= 50 && name.find("..") == name.npos && name[0] != '/')
      return TimeZone(date::locate_zone(std::string(name)));
  } catch (const std::exception&) {
  }
  return fail(codes::kInvalid, "there is no time zone '" + std::string(name.substr(0, 50)) +
                                   "': valid names are like Europe/Berlin or UTC");
}

LocalTime TimeZone::local(Timestamp time) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(
      date::sys_time<std::chrono::microseconds>(std::chrono::microseconds(time.microseconds)));
  const std::chrono::seconds shown = zone_->to_local(seconds).time_since_epoch();
  const auto day = std::chrono::floor<std::chrono::days>(shown);
  const std::chrono::hh_mm_ss rest(shown - day);
  return {std::chrono::sys_days(day), int(rest.hours().count()), int(rest.minutes().count()),
          int(rest.seconds().count())};
}

std::optional<Timestamp> TimeZone::instant(const LocalTime& local) const {
  const date::local_info info = zone_->get_info(to_date(local));
  if (info.result == date::local_info::nonexistent) return std::nullopt;
  return instant_or_change(local);
}

Timestamp TimeZone::instant_or_change(const LocalTime& local) const {
  const date::local_info info = zone_->get_info(to_date(local));
  // No local time exists between the end of one offset and the beginning of the next.
  if (info.result == date::local_info::nonexistent) return to_timestamp(info.first.end);
  return to_timestamp(date::sys_seconds(to_date(local).time_since_epoch() - info.first.offset));
}

std::string TimeZone::name() const { return zone_->name(); }

}  // namespace tidemill::services::platform
