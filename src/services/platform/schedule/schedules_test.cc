#include "services/platform/schedule/schedules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/test_eventually.h"
#include "services/platform/metrics/test_metrics.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::platform {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Timestamp time_of(const std::string& text) { return parse_iso8601(text).value(); }

// The next times of an expression in a zone, written in UTC.
std::vector<std::string> next(const std::string& expression, const std::string& zone,
                              const std::string& from, int count) {
  Result<TimeZone> found = TimeZone::find(zone);
  if (!found) return {found.error().message};
  Result<ScheduleExpression> parsed = ScheduleExpression::parse(expression, *found);
  if (!parsed) return {parsed.error().message};
  std::vector<std::string> times;
  Timestamp after = time_of(from);
  for (; count > 0; --count) {
    const std::optional<Timestamp> time = parsed->next(after, time_of(from));
    if (!time) break;
    times.push_back(format_iso8601(*time));
    after = *time;
  }
  return times;
}

class SchedulesTest : public testing::Test {
 protected:
  SchedulesTest() {
    std::vector<store::TableSpec> tables = Schedules::tables();
    tables.push_back({"facts"});
    store_ = store::make_memory_store(tables);
    make(*store_);
  }
  void make(store::Store& store) {
    schedules_ = std::make_unique<Schedules>(store, clock_, *random_);
    schedules_->on("test", [this](const Firing& firing, store::Transaction& along) -> Result<void> {
      if (failures_ > 0) {
        --failures_;
        return fail("Boom", "not now");
      }
      along.put("facts", firing.name + " " + format_iso8601(firing.occurrence), "1", {},
                std::nullopt);
      if (conflicts_) along.expect("facts", "nobody writes this", 7);
      missed_ += firing.missed;
      return {};
    });
  }
  Result<void> put(const std::string& name, const Schedule& schedule) {
    store::Transaction transaction;
    TRY(schedules_->put(transaction, "test", name, schedule));
    return store_->commit(std::move(transaction));
  }
  void fire() { ASSERT_TRUE(schedules_->fire_due()); }
  // "name time" for everything that fired, with the count when it fired more than once.
  std::vector<std::string> fired() {
    std::vector<std::string> lines;
    for (const store::Row& row : store_->scan({.table = "facts", .limit = 1000})->rows)
      lines.push_back(row.key + (row.version > 1 ? " again" : ""));
    return lines;
  }

  ManualClock clock_{time_of("2026-11-30T10:00:00Z")};
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Schedules> schedules_;
  static bool fires(const store::Transaction& transaction, const std::string& prefix = "") {
    return std::ranges::any_of(transaction.operations(), [&](const auto& operation) {
      return operation.table == "facts" && operation.key.starts_with(prefix);
    });
  }
  int failures_ = 0;
  bool conflicts_ = false;
  std::int64_t missed_ = 0;
};

TEST(ScheduleInvariants, Disabled_schedulesDoNotFireAndNoneFiresEarly) {
  ScheduleRecord record;
  record.schedule.expression = "rate(1 minute)";
  EXPECT_EQ(invariant(record), "");
  record.occurrence = Timestamp{5};
  record.due = Timestamp{5};
  EXPECT_EQ(invariant(record), "");
  record.due = Timestamp{4};
  EXPECT_NE(invariant(record), "");
  record.due = Timestamp{5};
  record.schedule.enabled = false;
  EXPECT_NE(invariant(record), "");
  store::Transaction transaction;
  EXPECT_DEATH(schedule_table().put(transaction, "k", {}, 0), "platform_schedules.*k");
}

}  // namespace

TEST(ScheduleExpression, Rates) {
  EXPECT_THAT(next("rate(5 minutes)", "UTC", "2026-11-30T10:00:00Z", 2),
              ElementsAre("2026-11-30T10:05:00Z", "2026-11-30T10:10:00Z"));
  EXPECT_THAT(next("rate(1 day)", "Europe/Berlin", "2026-10-24T10:00:00Z", 2),
              ElementsAre("2026-10-25T10:00:00Z", "2026-10-26T10:00:00Z"))
      << "a day is 24 hours, through the end of summer time, too";
  for (const char* bad : {"rate()", "rate(0 minutes)", "rate(-1 minutes)", "rate(5)",
                          "rate(5 seconds)", "rate(1.5 hours)", "rate(5minutes)", "rate(5 minutes",
                          "rate(99999999999999999999 days)", "rate(100000000 days)", "5 minutes"})
    EXPECT_FALSE(ScheduleExpression::parse(bad, TimeZone::utc())) << bad;
  EXPECT_TRUE(ScheduleExpression::parse("rate(1 minutes)", TimeZone::utc()));
  for (const char* bad : {"rate(1 minutes)", "rate(5 hour)", "at(2026-11-30T10:00:00)"})
    EXPECT_FALSE(ScheduleExpression::parse(bad, TimeZone::utc(), ScheduleDialect::rules)) << bad;
}

TEST(ScheduleExpression, OneTime) {
  EXPECT_THAT(next("at(2026-12-24T18:00:00)", "Europe/Berlin", "2026-11-30T10:00:00Z", 2),
              ElementsAre("2026-12-24T17:00:00Z"));
  EXPECT_THAT(next("at(2026-03-29T02:30:00)", "Europe/Berlin", "2026-01-01T00:00:00Z", 1),
              ElementsAre("2026-03-29T01:00:00Z"))
      << "skipped by clocks: when they were put forward";
  for (const char* bad : {"at(2026-02-30T00:00:00)", "at(2026-12-24)", "at(2026-12-24T24:00:00)",
                          "at(2026-12-24T18:00:00Z)", "at(1969-12-24T18:00:00)"})
    EXPECT_FALSE(ScheduleExpression::parse(bad, TimeZone::utc())) << bad;
}

// Clocks go forward on 2026-03-29 at 2:00 and back on 2026-10-25 at 3:00 in Berlin.
TEST(ScheduleExpression, DaylightSaving) {
  EXPECT_THAT(next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-27T12:00:00Z", 3),
              ElementsAre("2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"))
      << "a time that does not exist is skipped";
  EXPECT_THAT(next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
              ElementsAre("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"))
      << "one that comes twice counts once";
  EXPECT_THAT(next("cron(0 * * * ? *)", "Europe/Berlin", "2026-10-24T23:30:00Z", 3),
              ElementsAre("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"));
  EXPECT_THAT(next("cron(0 9 * * ? *)", "America/New_York", "2026-03-07T00:00:00Z", 3),
              ElementsAre("2026-03-07T14:00:00Z", "2026-03-08T13:00:00Z", "2026-03-09T13:00:00Z"));
  // Offsets of half an hour, and zones without daylight saving.
  EXPECT_THAT(next("cron(0 9 * * ? *)", "Asia/Kolkata", "2026-03-07T00:00:00Z", 1),
              ElementsAre("2026-03-07T03:30:00Z"));
  // Lord Howe Island shifts by half an hour: on 2026-10-04 from 2:00 to 2:30.
  EXPECT_THAT(next("cron(15 2 * * ? *)", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2),
              ElementsAre("2026-10-04T15:15:00Z", "2026-10-05T15:15:00Z"));
}

TEST(TimeZone, UnknownZonesAreRefused) {
  for (const char* bad :
       {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "europe/berlin"})
    EXPECT_FALSE(TimeZone::find(bad)) << bad;
  EXPECT_EQ(TimeZone::find("UTC")->local(time_of("2026-11-30T10:00:00Z")).hour, 10);
}

TEST_F(SchedulesTest, FiresWhenDueAndMovesOn) {
  ASSERT_TRUE(put("a", {.expression = "rate(10 minutes)"}));
  ASSERT_TRUE(put("b", {.expression = "cron(15 10 * * ? *)"}));
  fire();
  EXPECT_THAT(fired(), ElementsAre("a 2026-11-30T10:00:00Z")) << "a rate begins at once";
  clock_.advance(10min);
  fire();
  clock_.advance(5min);
  fire();
  fire();
  EXPECT_THAT(fired(), ElementsAre("a 2026-11-30T10:00:00Z", "a 2026-11-30T10:10:00Z",
                                   "b 2026-11-30T10:15:00Z"));
  store::Transaction transaction;
  schedules_->erase(transaction, "test", "a");
  ASSERT_TRUE(store_->commit(std::move(transaction)));
  clock_.advance(10min);
  fire();
  EXPECT_EQ(fired().size(), 3u);
}

TEST_F(SchedulesTest, StartsAndEndsAreKept) {
  ASSERT_TRUE(put("a", {.expression = "rate(1 hour)",
                        .start = time_of("2026-11-30T12:30:00Z"),
                        .end = time_of("2026-11-30T13:45:00Z")}));
  ASSERT_TRUE(put("once", {.expression = "at(2026-11-30T11:00:00)"}));
  ASSERT_TRUE(put("rule", {.expression = "rate(3 hours)", .dialect = ScheduleDialect::rules}));
  ASSERT_TRUE(put("off", {.expression = "rate(1 minute)", .enabled = false}));
  for (int minutes = 0; minutes < 5 * 60; ++minutes) {
    fire();
    clock_.advance(1min);
  }
  EXPECT_THAT(fired(), ElementsAre("a 2026-11-30T12:30:00Z", "a 2026-11-30T13:30:00Z",
                                   "once 2026-11-30T11:00:00Z", "rule 2026-11-30T13:00:00Z"));
  EXPECT_FALSE((*schedules_->find("test", "once"))->occurrence);
}

TEST_F(SchedulesTest, RefusesWhatMakesNoSense) {
  for (const Schedule& bad :
       {Schedule{.expression = "often"}, Schedule{.expression = "rate(1 hour)", .time_zone = "X"},
        Schedule{.expression = "rate(1 hour)", .flexible_window_minutes = 1441},
        Schedule{.expression = "rate(1 hour)", .flexible_window_minutes = -1},
        Schedule{.expression = "rate(1 hour)", .start = Timestamp{2}, .end = Timestamp{1}}})
    EXPECT_FALSE(put("a", bad));
  store::Transaction transaction;
  EXPECT_FALSE(schedules_->put(transaction, "unknown", "a", {.expression = "rate(1 hour)"}));
}

// The server is down from 10:00 to 14:05 in this test.
TEST_F(SchedulesTest, CatchesUpAsAsked) {
  const Schedule hourly{.expression = "cron(30 * * * ? *)"};
  for (const CatchUp policy : {CatchUp::once, CatchUp::every, CatchUp::skip}) {
    Schedule schedule = hourly;
    schedule.catch_up = policy;
    ASSERT_TRUE(put(boost::describe::enum_to_string(policy, ""), schedule));
  }
  clock_.advance(4h + 5min);
  fire();
  EXPECT_THAT(fired(), ElementsAre("every 2026-11-30T10:30:00Z", "every 2026-11-30T11:30:00Z",
                                   "every 2026-11-30T12:30:00Z", "every 2026-11-30T13:30:00Z",
                                   "once 2026-11-30T13:30:00Z"));
  EXPECT_EQ(missed_, 3) << "told to the one that fires once";
  clock_.advance(25min);
  fire();
  EXPECT_EQ(fired().size(), 8u) << "from now on all go on";
  EXPECT_THAT(fired(), testing::Contains("skip 2026-11-30T14:30:00Z"));
}

TEST_F(SchedulesTest, EveryIsBoundedToTheNewest) {
  ASSERT_TRUE(put("a", {.expression = "rate(1 minute)", .catch_up = CatchUp::every}));
  clock_.advance(24h * 400);
  fire();
  EXPECT_EQ(fired().size(), std::size_t(kCatchUpMax));
  EXPECT_EQ((*schedules_->find("test", "a"))->fired, kCatchUpMax);
  EXPECT_THAT(fired(), testing::Contains("a 2028-01-04T10:00:00Z"));
  EXPECT_THAT(fired(), testing::Contains("a 2028-01-04T08:21:00Z")) << "the newest hundred";
}

TEST_F(SchedulesTest, FlexibleWindowsSpread) {
  constexpr int kSchedules = 200;
  for (int i = 0; i < kSchedules; ++i)
    ASSERT_TRUE(put("s" + std::to_string(i),
                    {.expression = "at(2026-11-30T11:00:00)", .flexible_window_minutes = 10}));
  clock_.advance(1h);
  std::vector<int> each_minute;
  for (int minute = 0; minute < 11; ++minute) {
    each_minute.push_back(*schedules_->fire_due());
    clock_.advance(1min);
  }
  EXPECT_EQ(fired().size(), std::size_t(kSchedules)) << "all within the window";
  for (std::size_t minute = 1; minute < 10; ++minute) EXPECT_GT(each_minute[minute], 5);
}

TEST_F(SchedulesTest, AFailedFiringIsTriedAgainThenGivenUp) {
  ASSERT_TRUE(put("a", {.expression = "cron(5 * * * ? *)"}));
  clock_.advance(5min);
  failures_ = 2;
  for (int i = 0; i < 5; ++i) {
    fire();
    clock_.advance(2s);
  }
  EXPECT_THAT(fired(), ElementsAre("a 2026-11-30T10:05:00Z"));
  clock_.advance(1h);
  failures_ = int(Schedules::kFiringAttemptsMax);
  for (int i = 0; i < 20; ++i) {
    fire();
    clock_.advance(10s);
  }
  EXPECT_EQ(fired().size(), 1u) << "given up";
  clock_.advance(1h);
  fire();
  EXPECT_EQ(fired().size(), 2u) << "the next one comes nevertheless";
  EXPECT_THAT(metrics_text(*schedules_), HasSubstr("tidemill_schedules_failures_total 7\n"));
}

// The handler's own write conflicts although nobody replaced the schedule.
TEST_F(SchedulesTest, AConflictOfTheEffectIsAFailedAttempt) {
  ASSERT_TRUE(put("a", {.expression = "cron(5 * * * ? *)"}));
  clock_.advance(5min);
  conflicts_ = true;
  fire();
  EXPECT_EQ((*schedules_->find("test", "a"))->attempts, 1);
  for (int i = 0; i < 20; ++i) {
    clock_.advance(10s);
    fire();
  }
  EXPECT_THAT(fired(), IsEmpty());
  EXPECT_THAT(metrics_text(*schedules_), HasSubstr("tidemill_schedules_failures_total 5\n"));
  EXPECT_THAT(metrics_text(*schedules_), HasSubstr("tidemill_schedules_missed_total 1\n"));
  conflicts_ = false;
  clock_.advance(1h);
  fire();
  EXPECT_THAT(fired(), ElementsAre("a 2026-11-30T11:05:00Z")) << "given up, and on to the next";
}

TEST_F(SchedulesTest, AReplacementMeanwhileIsNoFailure) {
  ASSERT_TRUE(put("a", {.expression = "rate(1 minute)"}));
  bool replaced = false;
  std::unique_ptr<store::Store> busy =
      store::make_fault_store(*store_, [&](const store::FaultPoint& point) {
        if (point.transaction && fires(*point.transaction) && !std::exchange(replaced, true)) {
          EXPECT_TRUE(put("a", {.expression = "at(2027-01-01T00:00:00)"}));
        }
        return store::Fault{};
      });
  make(*busy);
  EXPECT_EQ(*schedules_->fire_due(), 0);
  EXPECT_THAT(fired(), IsEmpty());
  EXPECT_EQ((*schedules_->find("test", "a"))->schedule.expression, "at(2027-01-01T00:00:00)");
  EXPECT_THAT(metrics_text(*schedules_), HasSubstr("tidemill_schedules_failures_total 0\n"));
}

// There is more than a page of schedules, and the first one cannot be committed.
TEST_F(SchedulesTest, OneThatCannotBeCommittedHoldsNoOthers) {
  constexpr int kSchedules = 250;
  for (int i = 0; i < kSchedules; ++i)
    ASSERT_TRUE(put("s" + std::to_string(1000 + i), {.expression = "at(2026-11-30T10:01:00)"}));
  clock_.advance(1min);
  bool full = true, counts = true;
  std::unique_ptr<store::Store> faulty =
      store::make_fault_store(*store_, [&](const store::FaultPoint& point) {
        const bool fails = full && point.transaction && fires(*point.transaction, "s1000 ");
        if (fails) return store::Fault{store::FaultKind::storage_full};
        const bool counting = full && point.transaction && !fires(*point.transaction);
        return store::Fault{counting && !counts ? store::FaultKind::storage_full
                                                : store::FaultKind::none};
      });
  make(*faulty);
  counts = false;
  EXPECT_FALSE(schedules_->fire_due()) << "not even the attempt could be counted";
  EXPECT_EQ(fired().size(), std::size_t(kSchedules - 1));
  EXPECT_EQ((*schedules_->find("test", "s1000"))->attempts, 0);
  counts = true;
  EXPECT_EQ(*schedules_->fire_due(), 0);
  EXPECT_EQ((*schedules_->find("test", "s1000"))->attempts, 1);
  full = false;
  clock_.advance(1s);
  EXPECT_EQ(*schedules_->fire_due(), 1);
  EXPECT_EQ(fired().size(), std::size_t(kSchedules));
}

TEST_F(SchedulesTest, MissedOnesAreCountedOnce) {
  ASSERT_TRUE(put("a", {.expression = "cron(30 * * * ? *)"}));
  clock_.advance(4h + 5min);  // 10:30, 11:30 and 12:30 are missed; 13:30 fires
  failures_ = 2;
  for (int i = 0; i < 5; ++i) {
    fire();
    clock_.advance(2s);
  }
  EXPECT_EQ(fired().size(), 1u);
  EXPECT_THAT(metrics_text(*schedules_), HasSubstr("tidemill_schedules_missed_total 3\n"));
  clock_.advance(1h);
  failures_ = int(Schedules::kFiringAttemptsMax);
  for (int i = 0; i < 20; ++i) {
    fire();
    clock_.advance(10s);
  }
  EXPECT_THAT(metrics_text(*schedules_), HasSubstr("tidemill_schedules_missed_total 4\n"))
      << "the one that was given up, too";
  EXPECT_EQ((*schedules_->find("test", "a"))->missed, 4);
}

// Commits fail before or after writing, yet each occurrence takes effect exactly once.
TEST_F(SchedulesTest, EffectsHappenOnceThroughFaultsAndRestarts) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> chance = make_seeded_random(seed);
  ASSERT_TRUE(put("a", {.expression = "rate(1 minute)",
                        .end = clock_.now() + (59min + 30s),
                        .catch_up = CatchUp::every}));
  const store::FaultPlan plan =
      store::random_faults(*chance, {.fail_before = 0.2, .fail_after = 0.2, .read_fails = 0.1});
  // Never so often in a row that a firing would be given up.
  int in_a_row = 0;
  const auto bounded = [&](const store::FaultPoint& point) {
    const store::Fault fault = plan(point);
    if (!point.transaction || !fires(*point.transaction)) return fault;
    in_a_row = fault.kind == store::FaultKind::none ? 0 : in_a_row + 1;
    if (in_a_row < Schedules::kFiringAttemptsMax) return fault;
    in_a_row = 0;
    return store::Fault{};
  };
  std::unique_ptr<store::Store> faulty = store::make_fault_store(*store_, bounded);
  for (int minute = 0; minute < 60; ++minute) {
    make(*faulty);
    while (!schedules_->fire_due()) {
    }
    clock_.advance(1min);
  }
  make(*store_);
  for (int minute = 0; minute < 3; ++minute) {
    fire();  // after its last attempts failed
    clock_.advance(1min);
  }
  EXPECT_EQ(fired().size(), 60u);
  for (const std::string& line : fired()) EXPECT_THAT(line, testing::Not(HasSubstr("again")));
}

TEST_F(SchedulesTest, ManyPendingOnesCostNoStart) {
  constexpr int kMany = 20'000;  // 100,000 in bench_events
  store::Transaction transaction;
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(schedules_->put(transaction, "test", "s" + std::to_string(i),
                                {.expression = "at(2027-01-01T00:00:00)"}));
    if (i % 100 != 99) continue;
    ASSERT_TRUE(store_->commit(std::move(transaction)));
    transaction = store::Transaction();
  }
  ASSERT_TRUE(put("soon", {.expression = "at(2026-11-30T10:01:00)"}));
  clock_.advance(2min);
  const auto begun = std::chrono::steady_clock::now();
  make(*store_);
  schedules_->start();
  EXPECT_TRUE(eventually([&] { return fired().size() == 1; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  schedules_->stop();
}

TEST_F(SchedulesTest, TheThreadFiresWhatIsPutWhileItWaits) {
  schedules_->start();
  ASSERT_TRUE(put("a", {.expression = "rate(1 minute)"}));
  EXPECT_TRUE(eventually([&] { return fired().size() == 1; }));
  schedules_->stop();
}

}  // namespace tidemill::services::platform
