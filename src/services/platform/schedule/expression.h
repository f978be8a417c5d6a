// When a schedule fires: rate(...), cron(...) and at(...), as EventBridge writes them.
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

// EventBridge's rules take "rate(1 hour)" and "rate(5 hours)" only, and fire first when the rate
// has passed once. Its Scheduler takes either number of the unit, fires at the start itself, and
// alone knows at(...).
enum class ScheduleDialect { rules, scheduler };
BOOST_DESCRIBE_ENUM(ScheduleDialect, rules, scheduler)

class ScheduleExpression {
 public:
  // Tidemill.Invalid says what is wrong.
  static Result<ScheduleExpression> parse(std::string_view text, TimeZone zone,
                                          ScheduleDialect dialect = ScheduleDialect::scheduler);

  // The first time after `after`; nullopt: there is none. A rate counts from `base`, its schedule's
  // start or creation. Local times that clocks skip in spring have
  // none; those that they show twice in autumn count once, the first time.
  std::optional<Timestamp> next(Timestamp after, Timestamp base) const;
  // at(...): fires once.
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
