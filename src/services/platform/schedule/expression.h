// Parses rate(...), cron(...) and at(...) as EventBridge writes them, and finds the next times.
#pragma once

#include <boost/describe/enum.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "services/platform/schedule/cron.h"
#include "services/platform/schedule/time_zone.h"

namespace tidemill::services::platform {

// EventBridge's rules demand "rate(1 hour)" but "rate(5 hours)", and fire first after one period.
// EventBridge Scheduler accepts singular and plural alike, fires at its start too, and is the only
// one that knows at(...).
enum class ScheduleDialect { rules, scheduler };
BOOST_DESCRIBE_ENUM(ScheduleDialect, rules, scheduler)

class ScheduleExpression {
 public:
  // Tidemill.Invalid says what is wrong with the text.
  static Result<ScheduleExpression> parse(std::string_view text, TimeZone zone,
                                          ScheduleDialect dialect = ScheduleDialect::scheduler);

  // The first time after `after`; nullopt when there is none. A rate counts from `base`, the start
  // or creation of its schedule. Local times that clocks skip in spring never fire; those that
  // clocks show twice in autumn fire once, the first time.
  std::optional<Timestamp> next(Timestamp after, Timestamp base) const;
  // Whether it is an at(...), which fires once.
  bool is_one_time() const { return std::holds_alternative<Timestamp>(when_); }

 private:
  ScheduleExpression(TimeZone zone, ScheduleDialect dialect,
                     std::variant<std::chrono::minutes, Cron, Timestamp> when)
      : zone_(zone), dialect_(dialect), when_(std::move(when)) {}

  TimeZone zone_;
  ScheduleDialect dialect_;
  std::variant<std::chrono::minutes, Cron, Timestamp> when_;
};

}  // namespace tidemill::services::platform
