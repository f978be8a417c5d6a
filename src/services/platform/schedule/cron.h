// AWS's cron expressions: minutes, hours, day of month, month, day of week, year.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "services/platform/schedule/time_zone.h"

namespace tidemill::services::platform {

class Cron {
 public:
  // Takes the text inside "cron(...)", e.g. "0 18 ? * MON-FRI *". Tidemill.Invalid names the field.
  static Result<Cron> parse(std::string_view text);
  // The first matching local time after `after`; nullopt when there is none up to the year 2199.
  std::optional<LocalTime> next(const LocalTime& after) const;

  static constexpr int kYearMin = 1970, kYearMax = 2199;

 private:
  // The rules by which the two day fields choose days of a month.
  struct DayRules {
    std::bitset<32> days;          // days of the month, from 1
    bool last_day = false;         // L
    bool last_weekday = false;     // LW
    std::vector<int> near;         // 15W: the workday nearest to the 15th
    std::bitset<8> weekdays;       // 1 is Sunday, 7 is Saturday
    std::bitset<8> last_weekdays;  // 6L: the last Friday
    int nth_weekday = 0, nth = 0;  // 3#2: the second Tuesday
  };
  static Result<void> parse_days(std::string_view text, DayRules& out);
  static Result<void> parse_weekdays(std::string_view text, DayRules& out);
  // The matching days of the month.
  std::bitset<32> days_of(std::chrono::year_month month) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<13> months_;
  std::bitset<kYearMax + 1> years_;
  DayRules days_;
};

}  // namespace tidemill::services::platform
