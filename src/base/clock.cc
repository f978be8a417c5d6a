#include "base/clock.h"

#include <array>
#include <cstdio>

namespace tidemill {
namespace {

constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<const char*, 7> kWeekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Broken {
  int year, month, day, hour, minute, second, microsecond, weekday;
};

Broken break_down(Timestamp time) {
  using namespace std::chrono;
  sys_time<microseconds> point{microseconds(time.microseconds)};
  sys_days days = floor<std::chrono::days>(point);
  year_month_day date{days};
  hh_mm_ss<microseconds> clock{point - days};
  return {int(date.year()),
          int(unsigned(date.month())),
          int(unsigned(date.day())),
          int(clock.hours().count()),
          int(clock.minutes().count()),
          int(clock.seconds().count()),
          int(clock.subseconds().count()),
          int(weekday{days}.c_encoding())};
}

Result<Timestamp> assemble(int year, int month, int day, int hour, int minute, int second,
                           std::int64_t microsecond, int offset_seconds) {
  using namespace std::chrono;
  year_month_day date{std::chrono::year(year), std::chrono::month(unsigned(month)),
                      std::chrono::day(unsigned(day))};
  if (!date.ok() || hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return fail(codes::kInvalid, "not a time: a field is out of range");
  std::int64_t seconds = sys_days(date).time_since_epoch().count() * 86400LL + hour * 3600 +
                         minute * 60 + second - offset_seconds;
  return Timestamp{seconds * 1'000'000 + microsecond};
}

// Reads exactly `count` digits at `position` and moves past them; -1 when they are not there.
int digits(std::string_view text, std::size_t& position, int count) {
  int number = 0;
  for (int i = 0; i < count; ++i) {
    if (position >= text.size() || text[position] < '0' || text[position] > '9') return -1;
    number = number * 10 + (text[position++] - '0');
  }
  return number;
}

bool skip(std::string_view text, std::size_t& position, char expected) {
  if (position >= text.size() || text[position] != expected) return false;
  ++position;
  return true;
}

}  // namespace

Timestamp SystemClock::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::string format_iso8601(Timestamp time) {
  Broken t = break_down(time);
  char buffer[64];
  int milliseconds = t.microsecond / 1000;
  // A listing of a thousand objects formats a thousand times; with printf, that would take longer
  // than the rest of the listing.
  if (t.year >= 0 && t.year <= 9999) {
    char* out = buffer;
    const auto put = [&out](int number, int width, char end) {
      for (int i = width - 1; i >= 0; --i, number /= 10) out[i] = char('0' + number % 10);
      out += width;
      *out++ = end;
    };
    put(t.year, 4, '-');
    put(t.month, 2, '-');
    put(t.day, 2, 'T');
    put(t.hour, 2, ':');
    put(t.minute, 2, ':');
    put(t.second, 2, milliseconds ? '.' : 'Z');
    if (milliseconds) put(milliseconds, 3, 'Z');
    return {buffer, out};
  }
  if (milliseconds)
    std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.year, t.month,
                  t.day, t.hour, t.minute, t.second, milliseconds);
  else
    std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.year, t.month, t.day,
                  t.hour, t.minute, t.second);
  return buffer;
}

std::string format_http_date(Timestamp time) {
  Broken t = break_down(time);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kWeekdays[std::size_t(t.weekday)], t.day, kMonths[std::size_t(t.month - 1)], t.year,
                t.hour, t.minute, t.second);
  return buffer;
}

Result<Timestamp> parse_iso8601(std::string_view text) {
  auto invalid = [&] {
    return fail(codes::kInvalid, "not an ISO 8601 time: '" + std::string(text) + "'");
  };
  std::size_t at = 0;
  int year = digits(text, at, 4);
  if (year < 0 || !skip(text, at, '-')) return invalid();
  int month = digits(text, at, 2);
  if (month < 0 || !skip(text, at, '-')) return invalid();
  int day = digits(text, at, 2);
  if (day < 0) return invalid();
  if (at == text.size()) return assemble(year, month, day, 0, 0, 0, 0, 0);
  if (!skip(text, at, 'T') && !skip(text, at, 't') && !skip(text, at, ' ')) return invalid();
  int hour = digits(text, at, 2);
  if (hour < 0 || !skip(text, at, ':')) return invalid();
  int minute = digits(text, at, 2);
  if (minute < 0) return invalid();
  int second = 0;
  std::int64_t microsecond = 0;
  if (skip(text, at, ':')) {
    if ((second = digits(text, at, 2)) < 0) return invalid();
    if (skip(text, at, '.') || skip(text, at, ',')) {
      std::int64_t unit = 100'000;
      std::size_t start = at;
      while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
        microsecond += (text[at++] - '0') * unit;
        unit /= 10;
      }
      if (at == start) return invalid();
    }
  }
  int offset = 0;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    int sign = text[at++] == '-' ? -1 : 1;
    int hours = digits(text, at, 2);
    skip(text, at, ':');
    int minutes = at < text.size() ? digits(text, at, 2) : 0;
    if (hours < 0 || minutes < 0) return invalid();
    offset = sign * (hours * 3600 + minutes * 60);
  } else if (!skip(text, at, 'Z')) {
    skip(text, at, 'z');
  }
  if (at != text.size()) return invalid();
  return assemble(year, month, day, hour, minute, second, microsecond, offset);
}

Result<Timestamp> parse_http_date(std::string_view text) {
  auto invalid = [&] {
    return fail(codes::kInvalid, "not an HTTP date: '" + std::string(text) + "'");
  };
  // "Sun, 06 Nov 1994 08:49:37 GMT"; AWS clients do not send the obsolete forms.
  std::size_t at = text.find(", ");
  if (at == std::string_view::npos) return invalid();
  at += 2;
  int day = digits(text, at, 2);
  if (day < 0 || !(skip(text, at, ' ') || skip(text, at, '-'))) return invalid();
  int month = 0;
  for (int i = 0; i < 12; ++i)
    if (text.substr(at, 3) == kMonths[std::size_t(i)]) month = i + 1;
  at += 3;
  if (month == 0 || !(skip(text, at, ' ') || skip(text, at, '-'))) return invalid();
  int year = digits(text, at, 4);
  if (year < 0 || !skip(text, at, ' ')) return invalid();
  int hour = digits(text, at, 2);
  if (hour < 0 || !skip(text, at, ':')) return invalid();
  int minute = digits(text, at, 2);
  if (minute < 0 || !skip(text, at, ':')) return invalid();
  int second = digits(text, at, 2);
  if (second < 0) return invalid();
  return assemble(year, month, day, hour, minute, second, 0, 0);
}

}  // namespace tidemill
