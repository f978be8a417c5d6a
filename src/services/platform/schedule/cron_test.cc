// Tests cron expressions against AWS's examples, and minute by minute against a naive reading of
// the rules.
#include "services/platform/schedule/cron.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tidemill::services::platform {
namespace {

using namespace std::chrono;
using testing::ElementsAre;

LocalTime at(int y, unsigned m, unsigned d, int hour = 0, int minute = 0) {
  return {sys_days(year(y) / month(m) / day(d)), hour, minute, 0};
}

std::string text(const LocalTime& time) {
  const year_month_day date(time.day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), time.hour, time.minute);
}

std::vector<std::string> next(const std::string& expression, LocalTime from, int count) {
  Result<Cron> cron = Cron::parse(expression);
  if (!cron) return {cron.error().message};
  std::vector<std::string> times;
  for (; count > 0; --count) {
    const std::optional<LocalTime> found = cron->next(from);
    if (!found) break;
    times.push_back(text(*found));
    from = *found;
  }
  return times;
}

bool refused(const std::string& expression) { return !Cron::parse(expression).has_value(); }

}  // namespace

// 2026-11-30 is a Monday.
TEST(Cron, ExamplesOfTheDocumentation) {
  const LocalTime from = at(2026, 11, 28, 12, 0);  // Saturday
  EXPECT_THAT(next("15 12 * * ? *", from, 2), ElementsAre("2026-11-28 12:15", "2026-11-29 12:15"));
  EXPECT_THAT(next("0 18 ? * MON-FRI *", from, 6),
              ElementsAre("2026-11-30 18:00", "2026-12-01 18:00", "2026-12-02 18:00",
                          "2026-12-03 18:00", "2026-12-04 18:00", "2026-12-07 18:00"));
  EXPECT_THAT(next("0 8 1 * ? *", from, 2), ElementsAre("2026-12-01 08:00", "2027-01-01 08:00"));
  EXPECT_THAT(next("0/15 * * * ? *", from, 4), ElementsAre("2026-11-28 12:15", "2026-11-28 12:30",
                                                           "2026-11-28 12:45", "2026-11-28 13:00"));
  EXPECT_THAT(next("0/5 8-17 ? * MON-FRI *", from, 2),
              ElementsAre("2026-11-30 08:00", "2026-11-30 08:05"));
  EXPECT_THAT(
      next("0/30 20-2 ? * MON-FRI *", from, 8),
      ElementsAre("2026-11-30 00:00", "2026-11-30 00:30", "2026-11-30 01:00", "2026-11-30 01:30",
                  "2026-11-30 02:00", "2026-11-30 02:30", "2026-11-30 20:00", "2026-11-30 20:30"));
  EXPECT_THAT(next("1/10 9 * * ? *", from, 2), ElementsAre("2026-11-29 09:01", "2026-11-29 09:11"));
  EXPECT_THAT(next("15 10 ? * 6L 2026-2027", from, 3),
              ElementsAre("2026-12-25 10:15", "2027-01-29 10:15", "2027-02-26 10:15"));
  // The second Tuesday.
  EXPECT_THAT(next("0 9 ? * 3#2 *", from, 3),
              ElementsAre("2026-12-08 09:00", "2027-01-12 09:00", "2027-02-09 09:00"));
  // The workday nearest to the 3rd: 2027-01-03 is a Sunday, 2027-04-03 a Saturday.
  EXPECT_THAT(
      next("0 9 3W 1-4 ? 2027", from, 4),
      ElementsAre("2027-01-04 09:00", "2027-02-03 09:00", "2027-03-03 09:00", "2027-04-02 09:00"));
  EXPECT_THAT(next("0 0 L * ? *", at(2028, 1, 1), 3),
              ElementsAre("2028-01-31 00:00", "2028-02-29 00:00", "2028-03-31 00:00"));
  EXPECT_THAT(next("0 0 LW * ? *", at(2027, 1, 1), 2),
              ElementsAre("2027-01-29 00:00", "2027-02-26 00:00"));
  EXPECT_THAT(next("0 0 ? * L *", at(2026, 11, 29), 1), ElementsAre("2026-12-05 00:00"));
}

TEST(Cron, NearestWorkdayStaysInItsMonth) {
  // 2026-08-01 is a Saturday, 2027-01-31 a Sunday.
  EXPECT_THAT(next("0 0 1W 8 ? 2026", at(2026, 7, 1), 1), ElementsAre("2026-08-03 00:00"));
  EXPECT_THAT(next("0 0 31W 1 ? 2027", at(2026, 7, 1), 1), ElementsAre("2027-01-29 00:00"));
}

TEST(Cron, NamesListsAndEnds) {
  EXPECT_THAT(next("0 0 ? jan,MAR Sun,3 2027", at(2026, 1, 1), 3),
              ElementsAre("2027-01-03 00:00", "2027-01-05 00:00", "2027-01-10 00:00"));
  EXPECT_THAT(next("0 0 1 1 ? 2199", at(2026, 1, 1), 2), ElementsAre("2199-01-01 00:00"));
  EXPECT_THAT(next("0 0 30 2 ? *", at(2026, 1, 1), 1), testing::IsEmpty()) << "never";
  EXPECT_THAT(next("0 0 29 2 ? *", at(2026, 1, 1), 1), ElementsAre("2028-02-29 00:00"));
  EXPECT_THAT(next("* * * * ? *", at(2026, 12, 31, 23, 59), 1), ElementsAre("2027-01-01 00:00"));
}

TEST(Cron, RefusesWhatAwsRefuses) {
  for (const char* bad : {"",
                          "* * * * *",
                          "* * * * ? * *",
                          "* * * * * *",
                          "* * ? * ? *",
                          "60 * * * ? *",
                          "-1 * * * ? *",
                          "* 24 * * ? *",
                          "* * 0 * ? *",
                          "* * 32 * ? *",
                          "* * * 13 ? *",
                          "* * ? * 8 *",
                          "* * ? * 0 *",
                          "* * ? * MON#6 *",
                          "* * ? * 3#1,6#3 *",
                          "* * * * ? 1969",
                          "* * * * ? 2200",
                          "* * * * ? 2030-2020",
                          "a * * * ? *",
                          "*/0 * * * ? *",
                          "1/2/3 * * * ? *",
                          "1--2 * * * ? *",
                          "1, * * * ? *",
                          ",1 * * * ? *",
                          "? * * * ? *",
                          "* * W * ? *",
                          "* * 40W * ? *",
                          "* * 1#2 * ? *",
                          "* * ? L MON *",
                          "99999999999 * * * ? *",
                          "* * ? * X *"})
    EXPECT_TRUE(refused(bad)) << bad;
  EXPECT_TRUE(refused(std::string(10'000, '*')));
}

namespace {

// A second, naive implementation of the fields to compare with.
struct Oracle {
  std::vector<int> minutes, hours, months;
  std::string days, weekdays;  // one rule each, or "?"

  static bool workday(sys_days day) {
    const weekday on(day);
    return on != Sunday && on != Saturday;
  }
  bool day_matches(sys_days day) const {
    const year_month_day date(day);
    const sys_days last(date.year() / date.month() / std::chrono::last);
    const int number = int(unsigned(date.day()));
    const int on = int(weekday(day).c_encoding()) + 1;
    if (days != "?") {
      if (days == "*") return true;
      if (days == "L") return day == last;
      if (days.ends_with("W")) {
        const int wanted = std::stoi(days);
        const sys_days first(date.year() / date.month() / 1);
        if (wanted > (last - first).count() + 1) return false;
        // W chooses the nearest workday of the month; for a Saturday the earlier one wins.
        sys_days best = first;
        int distance = 100;
        for (sys_days each = first; each <= last; each += std::chrono::days(1)) {
          const int away = std::abs(int((each - first).count()) + 1 - wanted);
          if (workday(each) && away < distance) best = each, distance = away;
        }
        return day == best;
      }
      return number == std::stoi(days);
    }
    if (weekdays == "*") return true;
    if (weekdays.ends_with("L")) return on == std::stoi(weekdays) && (last - day).count() < 7;
    if (const std::size_t hash = weekdays.find('#'); hash != weekdays.npos)
      return on == std::stoi(weekdays) && (number + 6) / 7 == std::stoi(weekdays.substr(hash + 1));
    return on == std::stoi(weekdays);
  }
  bool matches(sys_days day, int hour, int minute) const {
    return std::ranges::count(minutes, minute) && std::ranges::count(hours, hour) &&
           std::ranges::count(months, int(unsigned(year_month_day(day).month()))) &&
           day_matches(day);
  }
};

std::vector<int> some(Random& random, int lowest, int highest, std::string& out) {
  std::vector<int> values;
  if (random.next() % 3 == 0) {
    out = "*";
    for (int value = lowest; value <= highest; ++value) values.push_back(value);
    return values;
  }
  const int first = lowest + int(random.next() % std::uint64_t(highest - lowest + 1));
  const int step = 1 + int(random.next() % 7);
  out = fmt::format("{}/{}", first, step);
  for (int value = first; value <= highest; value += step) values.push_back(value);
  return values;
}

}  // namespace

TEST(Cron, AgreesWithReadingMinuteByMinute) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> random = make_seeded_random(seed);
  constexpr int kExpressions = 150, kDays = 100;
  for (int round = 0; round < kExpressions; ++round) {
    Oracle oracle;
    std::string minutes, hours, months;
    oracle.minutes = some(*random, 0, 59, minutes);
    oracle.hours = some(*random, 0, 23, hours);
    oracle.months = some(*random, 1, 12, months);
    const int number = 1 + int(random->next() % 31), on = 1 + int(random->next() % 7);
    const std::string rules[] = {"*", "L", fmt::format("{}W", number), fmt::format("{}", number)};
    const std::string week[] = {"*", fmt::format("{}L", on), fmt::format("{}", on),
                                fmt::format("{}#{}", on, 1 + random->next() % 5)};
    const bool by_week = random->next() % 2;
    oracle.days = by_week ? "?" : rules[random->next() % 4];
    oracle.weekdays = by_week ? week[random->next() % 4] : "?";
    const std::string expression =
        fmt::format("{} {} {} {} {} *", minutes, hours, oracle.days, months, oracle.weekdays);
    SCOPED_TRACE(expression);
    const Result<Cron> cron = Cron::parse(expression);
    ASSERT_TRUE(cron) << cron.error().message;
    const sys_days first =
        sys_days(year(2024) / January / 1) + std::chrono::days(random->next() % 3000);
    LocalTime from{first, 0, 0, 0};
    std::optional<LocalTime> expected = cron->next(from);
    for (int minute = 1; minute < kDays * 24 * 60; ++minute) {
      const LocalTime now{first + std::chrono::days(minute / 1440), minute / 60 % 24, minute % 60,
                          0};
      if (!oracle.matches(now.day, now.hour, now.minute)) continue;
      ASSERT_TRUE(expected);
      ASSERT_EQ(text(*expected), text(now));
      expected = cron->next(now);
    }
    if (expected) {
      EXPECT_GE(expected->day, first + std::chrono::days(kDays)) << text(*expected);
    }
  }
}

}  // namespace tidemill::services::platform
