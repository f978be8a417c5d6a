// Durable schedules: what fires when, by the wall clock, through restarts and time changes. Pending
// ones lie in the store alone, so that their number costs neither memory nor start time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "runtime/task_scope.h"
#include "services/platform/schedule/expression.h"
#include "store/table.h"

namespace tidemill::services::platform {

class MetricRegistry;

// How to treat occurrences that passed while the server was down, or that are late by more than
// kScheduleLateMax (beyond the flexible window).
enum class CatchUp {
  once,   // the last of them fires, now
  every,  // each fires, the newest kCatchUpMax of them
  skip,   // none fires
};
BOOST_DESCRIBE_ENUM(CatchUp, once, every, skip)

inline constexpr std::chrono::seconds kScheduleLateMax{60};
inline constexpr int kCatchUpMax = 100;

struct Schedule {
  std::string expression;
  std::string time_zone = "UTC";
  ScheduleDialect dialect = ScheduleDialect::scheduler;
  std::optional<Timestamp> start, end;  // no occurrence before and after
  // Fires at a time in so many minutes after the occurrence, drawn anew for each.
  std::int64_t flexible_window_minutes = 0;
  CatchUp catch_up = CatchUp::once;
  bool enabled = true;
  Value payload;  // for whoever registered the kind
};
BOOST_DESCRIBE_STRUCT(Schedule, (),
                      (expression, time_zone, dialect, start, end, flexible_window_minutes,
                       catch_up, enabled, payload))

// How it lies in the store. Key: kind, name.
struct ScheduleRecord {
  Schedule schedule;
  Timestamp created;
  std::optional<Timestamp> occurrence;  // the next one; none: it is over, or not enabled
  Timestamp due;                        // when that fires
  std::int64_t fired = 0, missed = 0;
  std::int64_t attempts = 0;  // failed ones of the next firing
};
BOOST_DESCRIBE_STRUCT(ScheduleRecord, (),
                      (schedule, created, occurrence, due, fired, missed, attempts))

const store::Table<ScheduleRecord>& schedule_table();

struct Firing {
  std::string name;
  Value payload;
  Timestamp occurrence;     // the time that the expression says
  std::int64_t missed = 0;  // occurrences before it that do not fire
};

// Thread-safe, except that kinds are registered before start().
class Schedules {
 public:
  // Writes that the function adds to `along` commit together with the step to the next occurrence,
  // so such an effect happens exactly once. If the function or that commit fails, the firing is
  // tried again later, kFiringAttemptsMax times in all.
  using Fire = std::function<Result<void>(const Firing&, store::Transaction& along)>;

  // Borrows all three.
  Schedules(store::Store& store, const Clock& clock, Random& random);
  ~Schedules() { stop(); }
  static std::vector<store::TableSpec> tables();

  void on(std::string kind, Fire fire);
  // Makes or replaces it. Tidemill.Invalid names what is wrong with it. A window is at most a day.
  Result<void> put(store::Transaction& transaction, const std::string& kind,
                   const std::string& name, const Schedule& schedule);
  void erase(store::Transaction& transaction, const std::string& kind, const std::string& name);
  // nullopt: there is none.
  Result<std::optional<ScheduleRecord>> find(const std::string& kind, const std::string& name);

  void start();
  void stop();
  // Fires what is due, now: for tests. The number of firings. An Error: the store failed in a way
  // that left some schedules untouched; the others fired.
  Result<int> fire_due();

  static constexpr std::int64_t kFiringAttemptsMax = 5;
  void add_to(MetricRegistry& metrics) const;

 private:
  struct Turn;
  Result<ScheduleRecord> first(const Schedule& schedule);
  // Moves to the occurrence after `after`.
  Result<void> advance(ScheduleRecord& record, const ScheduleExpression& expression,
                       Timestamp after);
  std::unique_ptr<Turn> prepare(const store::Row& row);
  Result<std::vector<Firing>> due_firings(ScheduleRecord& record, const std::string& name);
  void note_failure(Turn& turn, const Error& error);
  Result<void> settle(Turn& turn);
  void count(Turn& turn);
  void run(const std::stop_token& stop);
  std::chrono::milliseconds time_to_next();

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  std::map<std::string, Fire> kinds_;  // fixed after start()
  std::atomic<std::uint64_t> fired_{0}, missed_{0}, failures_{0};

  struct Wake {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::uint64_t changes = 0;  // guarded by mutex
  };
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();  // shared with hooks of commits
  runtime::TaskScope threads_;
};

}  // namespace tidemill::services::platform
