#include "services/platform/schedule/schedules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <latch>

#include "base/log.h"
#include "services/platform/metrics/metrics.h"

namespace tidemill::services::platform {

namespace {

constexpr std::size_t kTurnsAtOnce = 100;
constexpr std::chrono::milliseconds kPollInterval{500};  // short, because the wall clock may be set
constexpr std::int64_t kWindowMinutesMax = 1440;
constexpr std::chrono::seconds kRetryDelay{1}, kRetryDelayMax{60};
// Up to this number, passed occurrences are counted one by one. Beyond it only those of the last
// days are; they include the newest kCatchUpMax of so dense a schedule.
constexpr int kPassedMax = 100'000;
constexpr std::chrono::days kPassedDays{7};

std::string due_key(Timestamp due) {
  return fmt::format("{:016x}",
                     static_cast<std::uint64_t>(std::max<std::int64_t>(due.microseconds, 0)));
}

Timestamp operator-(Timestamp time, std::chrono::microseconds by) {
  return {time.microseconds - by.count()};
}

}  // namespace

const store::Table<ScheduleRecord>& schedule_table() {
  static const store::Table<ScheduleRecord> table("platform_schedules",
                                                  {{"by_due",
                                                    [](const ScheduleRecord& record) {
                                                      std::vector<std::string> keys;
                                                      if (record.occurrence)
                                                        keys.push_back(due_key(record.due));
                                                      return keys;
                                                    }}},
                                                  &invariant);
  return table;
}

std::string_view invariant(const ScheduleRecord& record) {
  if (record.schedule.expression.empty()) return "a schedule must have an expression";
  if (record.occurrence && !record.schedule.enabled)
    return "a disabled schedule must not have a next occurrence";
  if (record.occurrence && record.due < *record.occurrence)
    return "an occurrence must not be due before its time";
  if (record.fired < 0 || record.missed < 0 || record.attempts < 0)
    return "a schedule's counts must not be negative";
  return {};
}

Schedules::Schedules(store::Store& store, const Clock& clock, Random& random)
    : store_(store), clock_(clock), random_(random) {}

std::vector<store::TableSpec> Schedules::tables() { return {schedule_table().spec()}; }

void Schedules::on(std::string kind, Fire fire) {
  if (!kinds_.emplace(kind, std::move(fire)).second) {
    log::error("a kind of schedule is registered twice", {{"kind", kind}});
    std::abort();
  }
}

Result<void> Schedules::advance(ScheduleRecord& record, const ScheduleExpression& expression,
                                Timestamp after) {
  const Schedule& schedule = record.schedule;
  const Timestamp base = schedule.start.value_or(record.created);
  // The start itself may be an occurrence of a cron or one-time schedule.
  const Timestamp from = schedule.start && after < *schedule.start
                             ? *schedule.start - std::chrono::microseconds(1)
                             : after;
  record.occurrence = expression.next(from, base);
  record.attempts = 0;
  if (record.occurrence && schedule.end && *record.occurrence > *schedule.end)
    record.occurrence.reset();
  if (!record.occurrence) return {};
  record.due = *record.occurrence;
  const std::uint64_t window = std::uint64_t(schedule.flexible_window_minutes) * 60;
  if (window > 0) record.due = record.due + std::chrono::seconds(random_.next() % window);
  return {};
}

Result<ScheduleRecord> Schedules::first(const Schedule& schedule) {
  const TimeZone zone = TRY(TimeZone::find(schedule.time_zone));
  const ScheduleExpression expression =
      TRY(ScheduleExpression::parse(schedule.expression, zone, schedule.dialect));
  if (schedule.flexible_window_minutes < 0 || schedule.flexible_window_minutes > kWindowMinutesMax)
    return fail(codes::kInvalid, fmt::format("a flexible window of {} minutes; it is 0 to {}",
                                             schedule.flexible_window_minutes, kWindowMinutesMax));
  if (schedule.start && schedule.end && *schedule.end < *schedule.start)
    return fail(codes::kInvalid, "a schedule ends before it starts");
  ScheduleRecord record{.schedule = schedule, .created = clock_.now(), .occurrence = {}, .due = {}};
  if (schedule.enabled)
    TRY(advance(record, expression, record.created - std::chrono::microseconds(1)));
  return record;
}

Result<void> Schedules::put(store::Transaction& transaction, const std::string& kind,
                            const std::string& name, const Schedule& schedule) {
  if (!kinds_.contains(kind))
    return fail(codes::kInvalid, "there is no kind of schedule '" + kind + "'");
  const ScheduleRecord record = TRY(first(schedule));
  schedule_table().put(transaction, store::key({kind, name}), record, std::nullopt);
  transaction.on_commit([wake = wake_] {
    {
      std::lock_guard lock(wake->mutex);
      ++wake->changes;
    }
    wake->changed.notify_all();
  });
  return {};
}

void Schedules::erase(store::Transaction& transaction, const std::string& kind,
                      const std::string& name) {
  schedule_table().erase(transaction, store::key({kind, name}), std::nullopt);
}

Result<std::optional<ScheduleRecord>> Schedules::find(const std::string& kind,
                                                      const std::string& name) {
  auto found = TRY(schedule_table().get(store_, store::key({kind, name})));
  return found ? std::optional(std::move(found->record)) : std::nullopt;
}

// Returns the occurrences that fire now, in order, and advances the record to the next one.
Result<std::vector<Firing>> Schedules::due_firings(ScheduleRecord& record,
                                                   const std::string& name) {
  const TimeZone zone = TRY(TimeZone::find(record.schedule.time_zone));
  const ScheduleExpression expression =
      TRY(ScheduleExpression::parse(record.schedule.expression, zone, record.schedule.dialect));
  const Timestamp now = clock_.now();
  const std::chrono::microseconds late_max =
      kScheduleLateMax + std::chrono::minutes(record.schedule.flexible_window_minutes);
  std::vector<Firing> firings;
  std::int64_t missed = 0;
  for (int passed = 0; record.occurrence && record.due <= now; ++passed) {
    const Timestamp occurrence = *record.occurrence;
    const bool late = now - record.due > kScheduleLateMax && now - occurrence > late_max;
    if (late && record.schedule.catch_up == CatchUp::skip) {
      ++missed;
    } else {
      firings.push_back({name, record.schedule.payload, occurrence, 0});
      const bool every = record.schedule.catch_up == CatchUp::every;
      if (firings.size() > (every ? std::size_t(kCatchUpMax) : 1)) {
        firings.erase(firings.begin());
        ++missed;
      }
    }
    TRY(advance(record, expression,
                passed < kPassedMax ? occurrence : std::max(occurrence, now - kPassedDays)));
  }
  if (!firings.empty()) firings.front().missed = missed;
  record.fired += std::int64_t(firings.size());
  record.missed += missed;
  return firings;
}

// A due schedule that is being fired and committed.
struct Schedules::Turn {
  std::string key;
  std::vector<std::string> names;  // kind, name
  std::uint64_t version = 0;       // of the row
  ScheduleRecord before, next;     // as read, and as it will be written
  std::size_t due = 0;             // number of firings; 0 when the expression cannot be parsed
  ScheduleRecord behind;           // advanced past those firings
  store::Transaction transaction;
  bool failed = false;  // `next` counts a failed attempt instead
  Result<void> outcome;
  std::size_t fired = 0;  // number of firings that are durable
};

// Changes `next` and the transaction so that they count a failed attempt instead of firing.
void Schedules::note_failure(Turn& turn, const Error& error) {
  const ScheduleRecord& before = turn.before;
  const bool given_up = before.attempts + 1 >= kFiringAttemptsMax && turn.due > 0;
  ++failures_;
  log::warning("a schedule could not fire", {{"kind", turn.names[0]},
                                             {"schedule", turn.names[1]},
                                             {"attempt", before.attempts + 1},
                                             {"given_up", given_up ? "yes" : "no"},
                                             {"reason", error.message}});
  turn.failed = true;
  if (given_up) {
    turn.next = turn.behind;
    turn.next.fired = before.fired;
    turn.next.missed += std::int64_t(turn.due);
  } else {
    // The same occurrence will be tried again.
    const std::int64_t doublings = std::min<std::int64_t>(before.attempts, 6);
    turn.next = before;
    turn.next.attempts = before.attempts + 1;
    turn.next.due = clock_.now() + std::min<std::chrono::seconds>(kRetryDelay * (1LL << doublings),
                                                                  kRetryDelayMax);
  }
  turn.transaction = store::Transaction();
  schedule_table().put(turn.transaction, turn.key, turn.next, turn.version);
}

std::unique_ptr<Schedules::Turn> Schedules::prepare(const store::Row& row) {
  auto record = store::read_or_skip<ScheduleRecord>(schedule_table().name(), row.key, row.value);
  std::vector<std::string> names = store::split_key(row.key);
  const auto kind = names.size() == 2 ? kinds_.find(names[0]) : kinds_.end();
  // A damaged record, or a kind that only a newer version knows, stays in the store unfired.
  if (!record || kind == kinds_.end()) return nullptr;
  auto turn = std::make_unique<Turn>();
  turn->key = row.key;
  turn->names = std::move(names);
  turn->version = row.version;
  turn->before = turn->behind = *std::move(record);
  const Result<std::vector<Firing>> firings = due_firings(turn->behind, turn->names[1]);
  Result<void> fired = firings ? Result<void>() : Result<void>(fail(firings.error()));
  if (firings) {
    turn->due = firings->size();
    for (const Firing& firing : *firings)
      if (fired) fired = kind->second(firing, turn->transaction);
  }
  if (!fired) {
    note_failure(*turn, fired.error());
    return turn;
  }
  turn->next = turn->behind;
  schedule_table().put(turn->transaction, row.key, turn->next, row.version);
  return turn;
}

// Counts the turn's firings after `next` was written.
void Schedules::count(Turn& turn) {
  turn.fired = turn.failed ? 0 : turn.due;
  fired_ += turn.fired;
  missed_ += std::uint64_t(turn.next.missed - turn.before.missed);
}

// Called after the commit. Returns an Error when, as far as is known, neither the firing nor a
// failed attempt is in the store.
Result<void> Schedules::settle(Turn& turn) {
  for (;;) {
    if (turn.outcome) {
      count(turn);
      return {};
    }
    const std::optional<store::Row> row = TRY(store_.get(schedule_table().name(), turn.key));
    if (!row || row->version != turn.version) {
      // Either written despite the error, or the schedule was replaced or erased meanwhile.
      if (row && turn.outcome.error().code == codes::kIo && row->value == to_json(turn.next))
        count(turn);
      return {};
    }
    if (turn.failed) return turn.outcome;
    // The schedule is unchanged, so even a conflict is about one of the handler's own writes.
    note_failure(turn, Error(turn.outcome.error()));
    turn.outcome = store_.commit(std::move(turn.transaction));
  }
}

Result<int> Schedules::fire_due() {
  int fired = 0;
  Result<void> trouble;
  store::Scan scan{.table = schedule_table().name(),
                   .index = "by_due",
                   .before = due_key(clock_.now() + std::chrono::microseconds(1)),
                   .limit = kTurnsAtOnce};
  do {
    const store::Page page = TRY(store_.scan(scan));
    std::vector<std::unique_ptr<Turn>> turns;
    for (const store::Row& row : page.rows)
      if (std::unique_ptr<Turn> turn = prepare(row)) turns.push_back(std::move(turn));
    // Committed concurrently: they share one sync of the disk, and a conflict fails one schedule.
    std::latch done(std::ptrdiff_t(turns.size()));
    for (const std::unique_ptr<Turn>& turn : turns)
      store_.commit_async(std::move(turn->transaction), [&done, &turn](Result<void> outcome) {
        turn->outcome = std::move(outcome);
        done.count_down();
      });
    done.wait();
    for (const std::unique_ptr<Turn>& turn : turns) {
      if (Result<void> settled = settle(*turn); !settled) trouble = std::move(settled);
      fired += int(turn->fired);
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  if (!trouble) return fail(trouble.error());
  return fired;
}

std::chrono::milliseconds Schedules::time_to_next() {
  const Timestamp now = clock_.now();
  const Result<store::Page> page =
      store_.scan({.table = schedule_table().name(), .index = "by_due", .limit = 1});
  if (!page || page->rows.empty()) return kPollInterval;
  const auto record = store::read_or_skip<ScheduleRecord>(schedule_table().name(),
                                                          page->rows[0].key, page->rows[0].value);
  if (!record || record->due <= now) return kPollInterval;
  const auto until = std::chrono::ceil<std::chrono::milliseconds>(record->due - now);
  return std::min(until, kPollInterval);
}

void Schedules::start() {
  if (kinds_.empty()) return;  // nothing could fire
  threads_.spawn("schedules", [this](const std::stop_token& stop) { run(stop); });
}

void Schedules::stop() { threads_.stop(); }

void Schedules::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::uint64_t seen = 0;
    {
      std::lock_guard lock(wake_->mutex);
      seen = wake_->changes;
    }
    if (Result<int> fired = fire_due(); !fired)
      log::warning("schedules are delayed by the store", {{"reason", fired.error().message}});
    const std::chrono::milliseconds wait = time_to_next();
    std::unique_lock lock(wake_->mutex);
    wake_->changed.wait_for(lock, stop, wait, [&] { return wake_->changes != seen; });
  }
}

void Schedules::add_to(MetricRegistry& metrics) const {
  metrics.add(
      {.name = "tidemill_schedules_fired_total", .help = "Occurrences of schedules that fired."},
      reading(fired_));
  metrics.add({.name = "tidemill_schedules_missed_total",
               .help = "Occurrences of schedules that did not fire."},
              reading(missed_));
  metrics.add(
      {.name = "tidemill_schedules_failures_total", .help = "Failed attempts to fire a schedule."},
      reading(failures_));
}

}  // namespace tidemill::services::platform
