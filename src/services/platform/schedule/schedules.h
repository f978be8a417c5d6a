// Durable schedules that fire by the wall clock, through restarts and time changes. Pending ones
// are kept only in the store, so their number costs neither memory nor start time.
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

// What to do with occurrences that passed while the server was down, or that are late by more than
// kScheduleLateMax (besides the flexible window).
enum class CatchUp {
  once,   // the last of them fires now
  every,  // each of the newest kCatchUpMax fires
  skip,   // none of them fires
};
BOOST_DESCRIBE_ENUM(CatchUp, once, every, skip)

inline constexpr std::chrono::seconds kScheduleLateMax{60};
inline constexpr int kCatchUpMax = 100;

struct Schedule {
  std::string expression;
  std::string time_zone = "UTC";
  ScheduleDialect dialect = ScheduleDialect::scheduler;
  std::optional<Timestamp> start, end;  // nothing fires before `start` or after `end`
  // Fires at a random time within this many minutes after the occurrence, drawn for each one.
  std::int64_t flexible_window_minutes = 0;
  CatchUp catch_up = CatchUp::once;
  bool enabled = true;
  Value payload;  // handed to the function that is registered for the kind
};
BOOST_DESCRIBE_STRUCT(Schedule, (),
                      (expression, time_zone, dialect, start, end, flexible_window_minutes,
                       catch_up, enabled, payload))

// The record in the store. Its key is (kind, name).
struct ScheduleRecord {
  Schedule schedule;
  Timestamp created;
  std::optional<Timestamp> occurrence;  // the next one; nullopt: over, or disabled
  Timestamp due;                        // when `occurrence` fires
  std::int64_t fired = 0, missed = 0;
  std::int64_t attempts = 0;  // failed attempts of the next firing
};
BOOST_DESCRIBE_STRUCT(ScheduleRecord, (),
                      (schedule, created, occurrence, due, fired, missed, attempts))

std::string_view invariant(const ScheduleRecord& record);
const store::Table<ScheduleRecord>& schedule_table();

struct Firing {
  std::string name;
  Value payload;
  Timestamp occurrence;     // the time that the expression gives
  std::int64_t missed = 0;  // earlier occurrences that never fire
};

// Thread-safe once start() was called; register kinds before that.
class Schedules {
 public:
  // Fires one occurrence. Writes that the function adds to `along` commit together with the step to
  // the next occurrence, so such an effect happens exactly once. If the function or the commit
  // fails, firing is tried again later, at most kFiringAttemptsMax times in all.
  using Fire = std::function<Result<void>(const Firing&, store::Transaction& along)>;

  // Borrows all three.
  Schedules(store::Store& store, const Clock& clock, Random& random);
  ~Schedules() { stop(); }
  static std::vector<store::TableSpec> tables();

  void on(std::string kind, Fire fire);
  // Creates or replaces a schedule. Tidemill.Invalid says what is wrong. Windows last up to a day.
  Result<void> put(store::Transaction& transaction, const std::string& kind,
                   const std::string& name, const Schedule& schedule);
  void erase(store::Transaction& transaction, const std::string& kind, const std::string& name);
  // nullopt when there is no such schedule.
  Result<std::optional<ScheduleRecord>> find(const std::string& kind, const std::string& name);

  void start();
  void stop();
  // For tests: fires everything that is due now and returns the number of firings. An Error means
  // that the store failed and left some schedules untouched; the others fired.
  Result<int> fire_due();

  static constexpr std::int64_t kFiringAttemptsMax = 5;
  void add_to(MetricRegistry& metrics) const;

 private:
  struct Turn;
  Result<ScheduleRecord> first(const Schedule& schedule);
  // Moves the record to the first occurrence after `after`.
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
  std::map<std::string, Fire> kinds_;  // fixed once start() was called
  std::atomic<std::uint64_t> fired_{0}, missed_{0}, failures_{0};

  struct Wake {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::uint64_t changes = 0;  // guarded by mutex
  };
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();  // shared with commit hooks
  runtime::TaskScope threads_;
};

}  // namespace tidemill::services::platform
