#include "services/platform/schedule/expression.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>

namespace tidemill::services::platform {

namespace {

// The longest rate in minutes: more than a century.
constexpr std::int64_t kRateMinutesMax = 100'000'000;
// Limit of consecutive skipped local times: one per minute, for a day. Gaps last about an hour.
constexpr int kSkippedMax = 24 * 60;

struct Unit {
  std::string_view one, many;
  std::int64_t minutes;
};
constexpr std::array kUnits = {Unit{"minute", "minutes", 1}, Unit{"hour", "hours", 60},
                               Unit{"day", "days", 24 * 60}};

std::unexpected<Error> bad_rate(std::string_view text) {
  return fail(
      codes::kInvalid,
      fmt::format("'rate({})' is not a valid rate: write rate(1 hour), rate(5 minutes)", text));
}

Result<std::chrono::minutes> parse_rate(std::string_view text, ScheduleDialect dialect) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view unit = text.substr(std::size_t(end - text.data()));
  if (error != std::errc() || value < 1 || !unit.starts_with(' ')) return bad_rate(text);
  unit.remove_prefix(unit.find_first_not_of(' ') == unit.npos ? unit.size()
                                                              : unit.find_first_not_of(' '));
  for (const Unit& each : kUnits) {
    const bool fits = unit == (value == 1 ? each.one : each.many);
    const bool either = unit == each.one || unit == each.many;
    if (!fits && !(either && dialect == ScheduleDialect::scheduler)) continue;
    if (value > kRateMinutesMax / each.minutes) return bad_rate(text);
    return std::chrono::minutes(value * each.minutes);
  }
  return bad_rate(text);
}

Result<LocalTime> parse_local(std::string_view text) {
  int year = 0, used = 0;
  unsigned month = 0, day = 0;
  LocalTime local;
  const std::string copy(text);
  if (text.size() != 19 ||
      std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &local.hour,
                  &local.minute, &local.second, &used) != 6 ||
      used != 19)
    return fail(codes::kInvalid, fmt::format("'at({})' is not a valid time: write "
                                             "at(yyyy-mm-ddThh:mm:ss)",
                                             text.substr(0, 40)));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || year < Cron::kYearMin || year > Cron::kYearMax || local.hour < 0 ||
      local.hour > 23 || local.minute < 0 || local.minute > 59 || local.second < 0 ||
      local.second > 59)
    return fail(codes::kInvalid, fmt::format("'at({})' is not a date of the calendar", text));
  local.day = std::chrono::sys_days(date);
  return local;
}

}  // namespace

Result<ScheduleExpression> ScheduleExpression::parse(std::string_view text, TimeZone zone,
                                                     ScheduleDialect dialect) {
  auto inside = [&](std::string_view name) -> std::optional<std::string_view> {
    if (!text.starts_with(name) || !text.ends_with(')')) return std::nullopt;
    return text.substr(name.size(), text.size() - name.size() - 1);
  };
  if (const auto rate = inside("rate("))
    return ScheduleExpression(zone, dialect, TRY(parse_rate(*rate, dialect)));
  if (const auto cron = inside("cron("))
    return ScheduleExpression(zone, dialect, TRY(Cron::parse(*cron)));
  if (const auto at = inside("at("); at && dialect == ScheduleDialect::scheduler)
    return ScheduleExpression(zone, dialect, zone.instant_or_change(TRY(parse_local(*at))));
  return fail(
      codes::kInvalid,
      fmt::format("'{}' is not a valid schedule expression: write rate(...) or cron(...){}",
                  text.substr(0, 80), dialect == ScheduleDialect::rules ? "" : " or at(...)"));
}

std::optional<Timestamp> ScheduleExpression::next(Timestamp after, Timestamp base) const {
  if (const Timestamp* at = std::get_if<Timestamp>(&when_))
    return *at > after ? std::optional(*at) : std::nullopt;
  if (const std::chrono::minutes* rate = std::get_if<std::chrono::minutes>(&when_)) {
    const std::int64_t period = std::chrono::microseconds(*rate).count();
    if (after < base)
      return dialect_ == ScheduleDialect::scheduler ? base : Timestamp{base.microseconds + period};
    const std::int64_t passed = (after.microseconds - base.microseconds) / period;
    return Timestamp{base.microseconds + (passed + 1) * period};
  }
  const Cron& cron = std::get<Cron>(when_);
  LocalTime local = zone_.local(after);
  for (int skipped = 0; skipped < kSkippedMax; ++skipped) {
    const std::optional<LocalTime> found = cron.next(local);
    if (!found) return std::nullopt;
    local = *found;
    const std::optional<Timestamp> time = zone_.instant(local);
    // A time up to `after` means that clocks were put back and show this local time again.
    if (time && *time > after) return time;
  }
  return std::nullopt;
}

}  // namespace tidemill::services::platform
