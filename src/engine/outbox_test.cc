#include "engine/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/test_eventually.h"
#include "engine/outbox_record.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"
#include "store/position_key.h"

namespace tidemill::engine {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

PublishedEvent event(std::string source, std::int64_t number) {
  return {.source = std::move(source),
          .detail_type = "Counted",
          .subject = "arn:aws:x:us-east-1:123456789012:y/z",
          .account = "123456789012",
          .region = "us-east-1",
          .time = {},
          .detail = number};
}

std::int64_t number_of(const PublishedEvent& event) { return *event.detail.get_if<std::int64_t>(); }

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() {
    std::vector<store::TableSpec> tables = outbox_tables();
    tables.push_back({"facts"});
    store_ = store::make_memory_store(tables);
  }

  std::unique_ptr<Outbox> make(store::Store& store) {
    return std::make_unique<Outbox>(store, clock_, *random_,
                                    OutboxOptions{.first_retry_delay = 1ms, .trim_interval = 1h});
  }

  EventReader reader(std::string name, std::set<std::string> sources = {"a"}) {
    return {.name = std::move(name),
            .sources = std::move(sources),
            .take = [this](std::span<const ReadEvent> events, store::Transaction&) -> Result<void> {
              std::lock_guard lock(mutex_);
              for (const ReadEvent& read : events)
                taken_[read.event.source].push_back(number_of(read.event));
              return {};
            }};
  }

  void publish(const Outbox& outbox, const std::string& source, std::int64_t number) {
    store::Transaction transaction;
    ASSERT_TRUE(outbox.publish(transaction, event(source, number)));
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  std::vector<std::int64_t> taken(const std::string& source) {
    std::lock_guard lock(mutex_);
    return taken_[source];
  }
  std::size_t rows() { return store_->scan({.table = kOutboxTable, .limit = 1000})->rows.size(); }

  ManualClock clock_{Timestamp{1'800'000'000'000'000}};
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  std::unique_ptr<store::Store> store_;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::int64_t>> taken_;  // guarded by mutex_
};

}  // namespace

TEST_F(OutboxTest, ReadersTakeEventsOfTheirSourcesInOrder) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  outbox->add(reader("first", {"a", "b"}));
  ASSERT_TRUE(outbox->start());
  for (int number = 0; number < 300; ++number) publish(*outbox, number % 3 ? "a" : "b", number);
  ASSERT_TRUE(eventually([&] { return taken("a").size() == 200 && taken("b").size() == 100; }));
  EXPECT_TRUE(std::ranges::is_sorted(taken("a")));
  EXPECT_TRUE(std::ranges::is_sorted(taken("b")));
}

TEST_F(OutboxTest, AnEventIsWholeAndHasAnId) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  std::optional<PublishedEvent> seen;
  std::atomic<bool> done = false;
  outbox->add(EventReader{
      .name = "r",
      .sources = {"a"},
      .take = [&](std::span<const ReadEvent> events, store::Transaction&) -> Result<void> {
        seen = events[0].event;
        done = true;
        return {};
      }});
  ASSERT_TRUE(outbox->start());
  publish(*outbox, "a", 5);
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_EQ(seen->detail_type, "Counted");
  EXPECT_EQ(seen->subject, "arn:aws:x:us-east-1:123456789012:y/z");
  EXPECT_EQ(seen->account, "123456789012");
  EXPECT_EQ(seen->region, "us-east-1");
  EXPECT_EQ(seen->time, clock_.now());
  EXPECT_EQ(number_of(*seen), 5);
  EXPECT_EQ(seen->id.size(), 36u);
}

TEST(OutboxRecord, AnEventsTextIsThatOfItsRecord) {
  PublishedEvent plain = event("aws.s3", 7);
  PublishedEvent bare;
  PublishedEvent odd = event("a\"b\\c\n", 1);
  odd.subject = "caf\xc3\xa9 \xff";
  odd.time = Timestamp{1'795'447'062'500'000};
  odd.id = "1f0c";
  ValueObject detail;
  detail.append("bucket", "b");
  detail.append("sizes", ValueList{1, 2.5, Value()});
  odd.detail = std::move(detail);
  for (const PublishedEvent& each : {plain, bare, odd}) EXPECT_EQ(event_text(each), to_json(each));
}

TEST_F(OutboxTest, EventsThatNobodyWantsCostNothing) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  outbox->add(reader("r", {"b"}));
  ASSERT_TRUE(outbox->start());
  EXPECT_FALSE(outbox->wanted("a"));
  store::Transaction transaction;
  ASSERT_TRUE(outbox->publish(transaction, event("a", 1)));
  EXPECT_TRUE(transaction.empty());
  outbox->listen("r", {"a"});
  EXPECT_TRUE(outbox->wanted("a"));
  EXPECT_FALSE(outbox->wanted("b"));
  publish(*outbox, "a", 2);
  EXPECT_TRUE(eventually([&] { return taken("a") == std::vector<std::int64_t>{2}; }));
}

TEST_F(OutboxTest, RefusesEventsWithoutSourceAndTooLargeOnes) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  outbox->add(reader("r"));
  store::Transaction transaction;
  EXPECT_EQ(outbox->publish(transaction, event("", 1)).error().code, codes::kInvalid);
  PublishedEvent large = event("a", 1);
  large.detail = std::string(kEventBytesMax, 'x');
  EXPECT_EQ(outbox->publish(transaction, large).error().code, codes::kInvalid);
  EXPECT_TRUE(transaction.empty());
}

TEST_F(OutboxTest, PositionsSurviveARestart) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  outbox->add(reader("r"));
  ASSERT_TRUE(outbox->start());
  publish(*outbox, "a", 1);
  ASSERT_TRUE(eventually([&] { return taken("a").size() == 1; }));
  outbox->stop();
  publish(*outbox, "a", 2);  // nobody reads during this
  outbox = make(*store_);
  outbox->add(reader("r"));
  outbox->add(reader("new", {"b"}));
  ASSERT_TRUE(outbox->start());
  publish(*outbox, "a", 3);
  ASSERT_TRUE(eventually([&] { return taken("a").size() == 3; }));
  EXPECT_THAT(taken("a"), ElementsAre(1, 2, 3));
}

TEST_F(OutboxTest, ANewReaderBeginsWithTheNextEvent) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  outbox->add(reader("other"));
  publish(*outbox, "a", 1);
  ASSERT_TRUE(outbox->start());
  publish(*outbox, "a", 2);
  ASSERT_TRUE(eventually([&] { return !taken("a").empty(); }));
  EXPECT_THAT(taken("a"), ElementsAre(2));
}

TEST_F(OutboxTest, AFailingReaderIsToldAgainAndOthersGoOn) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  std::atomic<int> calls = 0;
  outbox->add(
      EventReader{.name = "failing",
                  .sources = {"a"},
                  .take = [&](std::span<const ReadEvent>, store::Transaction&) -> Result<void> {
                    if (++calls == 2) throw std::runtime_error("Boom");
                    if (calls < 4) return fail("Boom", "not yet");
                    return {};
                  }});
  outbox->add(reader("other"));
  ASSERT_TRUE(outbox->start());
  publish(*outbox, "a", 1);
  ASSERT_TRUE(eventually([&] { return calls == 4 && taken("a").size() == 1; }));
  ASSERT_TRUE(eventually([&] { return outbox->state().readers[0].taken == 1; }));
  EXPECT_EQ(outbox->state().readers[0].failures, 3u);
  EXPECT_EQ(outbox->state().readers[1].failures, 0u);
}

// A reader's writes along with its position happen once, whichever commits fail.
TEST_F(OutboxTest, EffectsInTheStoreHappenOnce) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> chance = make_seeded_random(seed);
  store::FaultRates rates{.fail_before = 0.1, .fail_after = 0.1, .read_fails = 0.1};
  std::unique_ptr<store::Store> faulty =
      store::make_fault_store(*store_, store::random_faults(*chance, rates));
  std::unique_ptr<Outbox> outbox = make(*faulty);
  outbox->add(
      {.name = "r",
       .sources = {"a"},
       .take = [](std::span<const ReadEvent> events, store::Transaction& along) -> Result<void> {
         for (const ReadEvent& read : events) {
           std::string key = store::position_key(std::uint64_t(number_of(read.event)));
           along.put("facts", std::move(key), "1", {}, std::nullopt);
         }
         return {};
       },
       .batch_max = 3});
  while (!outbox->start()) {
  }
  for (int number = 1; number <= 100; ++number) publish(*outbox, "a", number);
  ASSERT_TRUE(eventually(
      [&] { return store_->scan({.table = "facts", .limit = 1000})->rows.size() == 100; }));
  outbox->stop();
  for (const store::Row& row : store_->scan({.table = "facts", .limit = 1000})->rows)
    EXPECT_EQ(row.version, 1u) << row.key << " was written twice";
}

TEST_F(OutboxTest, WhatAllHaveReadIsRemoved) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  std::atomic<bool> blocked = true;
  outbox->add(reader("quick"));
  outbox->add(
      EventReader{.name = "slow",
                  .sources = {"a"},
                  .take = [&](std::span<const ReadEvent>, store::Transaction&) -> Result<void> {
                    return blocked ? Result<void>(fail("Busy", "not now")) : Result<void>();
                  }});
  ASSERT_TRUE(outbox->start());
  for (int number = 0; number < 500; ++number) publish(*outbox, "a", number);
  ASSERT_TRUE(eventually([&] { return taken("a").size() == 500; }));
  outbox->trim();
  EXPECT_EQ(rows(), 500u) << "the slow reader has not read them";
  blocked = false;
  ASSERT_TRUE(eventually([&] { return outbox->state().readers[1].taken == 500; }));
  EXPECT_TRUE(eventually([&] {
    outbox->trim();
    return rows() == 1;
  })) << "all but the last one, once the positions are durable";
}

TEST_F(OutboxTest, ALaggardLosesTheOldestAndIsCounted) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  std::atomic<bool> blocked = true;
  EventReader slow = reader("slow");
  slow.lag_max = 10;
  slow.batch_max = 5;
  slow.take = [&, take = slow.take](std::span<const ReadEvent> events,
                                    store::Transaction& along) -> Result<void> {
    if (blocked) return fail("Busy", "not now");
    return take(events, along);
  };
  outbox->add(std::move(slow));
  ASSERT_TRUE(outbox->start());
  for (int number = 1; number <= 100; ++number) publish(*outbox, "a", number);
  ASSERT_TRUE(eventually([&] { return outbox->state().readers[0].failures > 0; }));
  outbox->trim();
  EXPECT_EQ(rows(), 10u) << "no unbounded growth";
  EXPECT_GE(outbox->state().readers[0].lag, 10u);
  blocked = false;
  ASSERT_TRUE(eventually([&] { return taken("a").size() >= 10; }));
  EXPECT_EQ(taken("a").back(), 100);
  EXPECT_TRUE(std::ranges::is_sorted(taken("a")));
  EXPECT_EQ(outbox->state().readers[0].lost, 90u);
  EXPECT_EQ(outbox->state().readers[0].name, "slow");
}

TEST_F(OutboxTest, ProjectionsAreRebuiltThenToldInOrder) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  std::vector<std::string> seen;
  int failures = 0;
  outbox->add(Projection{.name = "p",
                         .sources = {"a"},
                         .rebuild = [&]() -> Result<void> {
                           seen.push_back("rebuilt");
                           return {};
                         },
                         .apply = [&](const PublishedEvent& event) -> Result<void> {
                           if (number_of(event) == 2 && failures++ < 2) return fail("Boom", "once");
                           seen.push_back(std::to_string(number_of(event)));
                           return {};
                         }});
  ASSERT_TRUE(outbox->start());
  for (int number = 1; number <= 3; ++number) publish(*outbox, "a", number);
  ASSERT_TRUE(outbox->catch_up(10s));
  EXPECT_THAT(seen, ElementsAre("rebuilt", "1", "2", "3"));
  EXPECT_EQ(failures, 3);
}

TEST_F(OutboxTest, StopsWhileAReaderFails) {
  std::unique_ptr<Outbox> outbox = make(*store_);
  std::atomic<int> calls = 0;
  outbox->add(
      EventReader{.name = "failing",
                  .sources = {"a"},
                  .take = [&](std::span<const ReadEvent>, store::Transaction&) -> Result<void> {
                    ++calls;
                    return fail("Boom", "always");
                  }});
  ASSERT_TRUE(outbox->start());
  publish(*outbox, "a", 1);
  ASSERT_TRUE(eventually([&] { return calls > 0; }));
  outbox->stop();  // must not hang
}

}  // namespace tidemill::engine
