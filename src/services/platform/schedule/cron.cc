#include "services/platform/schedule/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace tidemill::services::platform {

namespace {

using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr std::size_t kTextMax = 256;
constexpr std::array kMonths = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array kWeekdays = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  const char* name;
  int lowest, highest;
  std::span<const char* const> names = {};
};

constexpr Field kMinute{"minutes", 0, 59}, kHour{"hours", 0, 23}, kDay{"day-of-month", 1, 31},
    kYear{"year", Cron::kYearMin, Cron::kYearMax};
constexpr Field kMonth{"month", 1, 12, kMonths}, kWeekday{"day-of-week", 1, 7, kWeekdays};

std::unexpected<Error> refuse(const Field& field, std::string_view text) {
  return fail(codes::kInvalid, fmt::format("'{}' is not a valid {} of a cron expression ({} to {})",
                                           text, field.name, field.lowest, field.highest));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || text[0] == '-')
    return std::nullopt;
  return value;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x & ~0x20) == (y & ~0x20); });
}

// Parses a number or a name that lies within the field's bounds.
Result<int> value_of(const Field& field, std::string_view text) {
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (same_letters(text, field.names[i])) return field.lowest + int(i);
  const std::optional<int> value = number(text);
  if (!value || *value < field.lowest || *value > field.highest) return refuse(field, text);
  return *value;
}

// Sets the bits of "*", "5", "1-5", "0/15", "*/15" or "10-30/5". A range may wrap: "FRI-MON".
template <std::size_t N>
Result<void> add_element(const Field& field, std::string_view text, std::bitset<N>& out) {
  const std::vector<std::string_view> step_parts = split(text, '/');
  if (step_parts.size() > 2) return refuse(field, text);
  int first = field.lowest, last = field.highest, step = 1;
  const std::string_view range = step_parts[0];
  if (range != "*") {
    const std::vector<std::string_view> ends = split(range, '-');
    if (ends.size() > 2) return refuse(field, text);
    first = TRY(value_of(field, ends[0]));
    if (ends.size() == 2)
      last = TRY(value_of(field, ends[1]));
    else if (step_parts.size() == 1)
      last = first;
    // Wraps around, like AWS's own example "20-2", which passes midnight.
    if (last < first && &field != &kYear) last += field.highest - field.lowest + 1;
    if (last < first) return refuse(field, text);
  }
  if (step_parts.size() == 2) {
    const std::optional<int> given = number(step_parts[1]);
    if (!given || *given < 1 || *given > field.highest) return refuse(field, text);
    step = *given;
  }
  for (int value = first; value <= last; value += step)
    out.set(
        std::size_t(value <= field.highest ? value : value - (field.highest - field.lowest + 1)));
  return {};
}

template <std::size_t N>
Result<void> add_all(const Field& field, std::string_view text, std::bitset<N>& out) {
  for (const std::string_view element : split(text, ',')) TRY(add_element(field, element, out));
  return {};
}

// 1 is Sunday, 7 is Saturday.
int weekday_of(year_month month, int day) {
  return int(weekday(sys_days(month / std::chrono::day(unsigned(day)))).c_encoding()) + 1;
}

bool is_workday(year_month month, int day) {
  const int found = weekday_of(month, day);
  return found != 1 && found != 7;
}

int last_day_of(year_month month) { return int(unsigned((month / std::chrono::last).day())); }

// The workday nearest to `day` within the month.
int nearest_workday(year_month month, int day, int last) {
  for (const int offset : {0, -1, 1, -2, 2})
    if (const int near = day + offset; near >= 1 && near <= last && is_workday(month, near))
      return near;
  return day;
}

}  // namespace

Result<void> Cron::parse_days(std::string_view text, DayRules& out) {
  for (const std::string_view element : split(text, ',')) {
    if (element == "L" || element == "l") {
      out.last_day = true;
    } else if (same_letters(element, "LW")) {
      out.last_weekday = true;
    } else if (element.size() > 1 && (element.back() == 'W' || element.back() == 'w')) {
      out.near.push_back(TRY(value_of(kDay, element.substr(0, element.size() - 1))));
    } else {
      TRY(add_element(kDay, element, out.days));
    }
  }
  return {};
}

Result<void> Cron::parse_weekdays(std::string_view text, DayRules& out) {
  const std::vector<std::string_view> elements = split(text, ',');
  for (const std::string_view element : elements) {
    const std::size_t hash = element.find('#');
    if (hash != element.npos) {
      // AWS allows a single rule of this kind in an expression.
      if (elements.size() > 1) return refuse(kWeekday, text);
      out.nth_weekday = TRY(value_of(kWeekday, element.substr(0, hash)));
      const std::optional<int> nth = number(element.substr(hash + 1));
      if (!nth || *nth < 1 || *nth > 5) return refuse(kWeekday, element);
      out.nth = *nth;
    } else if (element == "L" || element == "l") {
      out.weekdays.set(7);  // L alone is Saturday, the last day of the week
    } else if (element.size() > 1 && (element.back() == 'L' || element.back() == 'l')) {
      const int day = TRY(value_of(kWeekday, element.substr(0, element.size() - 1)));
      out.last_weekdays.set(std::size_t(day));
    } else {
      TRY(add_element(kWeekday, element, out.weekdays));
    }
  }
  return {};
}

Result<Cron> Cron::parse(std::string_view text) {
  if (text.size() > kTextMax) return fail(codes::kInvalid, "a cron expression is too long");
  std::vector<std::string_view> fields = split(text, ' ');
  std::erase(fields, std::string_view());
  if (fields.size() != 6)
    return fail(codes::kInvalid,
                fmt::format("a cron expression has six fields (minutes hours day-of-month month "
                            "day-of-week year), not {}",
                            fields.size()));
  if ((fields[2] == "?") == (fields[4] == "?"))
    return fail(codes::kInvalid,
                "a cron expression has '?' either as its day-of-month or as its day-of-week");
  Cron cron;
  TRY(add_all(kMinute, fields[0], cron.minutes_));
  TRY(add_all(kHour, fields[1], cron.hours_));
  if (fields[2] != "?") TRY(parse_days(fields[2], cron.days_));
  TRY(add_all(kMonth, fields[3], cron.months_));
  if (fields[4] != "?") TRY(parse_weekdays(fields[4], cron.days_));
  TRY(add_all(kYear, fields[5], cron.years_));
  return cron;
}

std::bitset<32> Cron::days_of(year_month month) const {
  std::bitset<32> days;
  const int last = last_day_of(month);
  for (int day = 1; day <= last; ++day) {
    const std::size_t place = std::size_t(day);
    const int on = weekday_of(month, day);
    if (days_.days.test(place) || days_.weekdays.test(std::size_t(on)) ||
        (days_.last_weekdays.test(std::size_t(on)) && day + 7 > last) ||
        (days_.nth_weekday == on && (day - 1) / 7 + 1 == days_.nth))
      days.set(place);
  }
  if (days_.last_day) days.set(std::size_t(last));
  if (days_.last_weekday) days.set(std::size_t(nearest_workday(month, last, last)));
  for (const int day : days_.near)
    if (day <= last) days.set(std::size_t(nearest_workday(month, day, last)));
  return days;
}

std::optional<LocalTime> Cron::next(const LocalTime& after) const {
  const year_month_day from(after.day);
  int minute_of_day = after.hour * 60 + after.minute + 1;
  int day = int(unsigned(from.day()));
  for (year_month month(from.year(), from.month()); int(month.year()) <= kYearMax;
       month += std::chrono::months(1), day = 1, minute_of_day = 0) {
    if (int(month.year()) < kYearMin || !years_.test(std::size_t(int(month.year()))) ||
        !months_.test(unsigned(month.month())))
      continue;
    const std::bitset<32> days = days_of(month);
    for (; day <= 31; ++day, minute_of_day = 0) {
      if (!days.test(std::size_t(day))) continue;
      for (; minute_of_day < 24 * 60; ++minute_of_day) {
        const int hour = minute_of_day / 60, minute = minute_of_day % 60;
        if (!hours_.test(std::size_t(hour)) || !minutes_.test(std::size_t(minute))) continue;
        return LocalTime{sys_days(month / std::chrono::day(unsigned(day))), hour, minute, 0};
      }
    }
  }
  return std::nullopt;
}

}  // namespace tidemill::services::platform
