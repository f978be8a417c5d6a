// The order of events must not depend on how much a cursor may hold in memory.
#include "services/logs/event_cursor.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "services/logs/logs_service.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::logs {
namespace {

class CursorTest : public testing::Test {
 protected:
  // Writes puts of a few events each, in random order of time, many at the same millisecond. With
  // `in_order`, each event is later than the one before.
  void write(std::size_t puts, std::size_t events_of_put, std::int64_t span_ms,
             bool in_order = false) {
    std::int64_t next_ms = 1'000'000;
    for (std::size_t put = 0; put < puts; ++put) {
      std::vector<LogEvent> events;
      for (std::size_t i = 0; i < events_of_put; ++i) {
        const std::int64_t time_ms =
            in_order
                ? next_ms += std::max<std::int64_t>(0, std::int64_t(random_->next() % 120) - 60)
                : 1'000'000 + std::int64_t(random_->next() % std::uint64_t(span_ms));
        std::string message = std::to_string(count_++);
        if (random_->next() % 50 == 0) message.append(20'000, 'x');
        events.push_back({Timestamp{time_ms * 1000}, std::move(message)});
      }
      store::Transaction transaction;
      add_events(transaction, stream_, events, Timestamp{1});
      ASSERT_TRUE(store_->commit(std::move(transaction)));
    }
  }

  // Walks the whole stream; now and then drops what was read ahead.
  std::vector<Position> walk(Position start, bool forward, CursorLimits limits,
                             std::size_t let_go_every = 0) {
    EventCursor cursor(*store_, stream_, start, forward, limits);
    std::vector<Position> seen;
    while (true) {
      auto event = cursor.peek();
      EXPECT_TRUE(event) << event.error().message;
      if (!event || !*event) return seen;
      seen.push_back((*event)->position);
      most_held_bytes_ = std::max(most_held_bytes_, cursor.held_bytes());
      cursor.pop();
      if (let_go_every && seen.size() % let_go_every == 0) cursor.let_go();
    }
  }

  std::unique_ptr<store::Store> store_ = store::make_memory_store(LogsService::tables());
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  Stream stream_{.uid = "u"};
  std::size_t count_ = 0;
  std::size_t most_held_bytes_ = 0;
};

constexpr Position kEnd{event_time_ms_max, INT64_MAX, INT64_MAX};

TEST_F(CursorTest, Walk_isInOrderAndWholeWithAnyLimits) {
  write(20, 9, 25'000);  // three buckets with overlapping rows
  const std::vector<Position> all = walk({}, true, {});
  ASSERT_EQ(all.size(), 20u * 9u);
  ASSERT_TRUE(std::ranges::is_sorted(all));
  for (CursorLimits limits :
       {CursorLimits{1, 1}, CursorLimits{1, 1 << 20}, CursorLimits{7, 1 << 20},
        CursorLimits{100, 5'000}, CursorLimits{2'000, 30'000}})
    for (std::size_t let_go_every : {0ul, 3ul}) {
      if (limits.events_max == 1 && let_go_every) continue;  // a load for each event is slow
      EXPECT_EQ(walk({}, true, limits, let_go_every), all)
          << limits.events_max << " " << limits.bytes_max << " " << let_go_every;
      std::vector<Position> backwards = walk(kEnd, false, limits, let_go_every);
      std::ranges::reverse(backwards);
      EXPECT_EQ(backwards, all) << limits.events_max << " " << limits.bytes_max;
    }
}

TEST_F(CursorTest, Walk_fromAnyBorderHasWhatLiesOnItsSide) {
  write(20, 9, 25'000);
  const std::vector<Position> all = walk({}, true, {});
  for (std::size_t at = 0; at < all.size(); at += 13) {
    EXPECT_EQ(walk(all[at], true, {5, 1 << 20}),
              std::vector<Position>(all.begin() + std::ptrdiff_t(at), all.end()));
    std::vector<Position> before = walk(all[at], false, {5, 1 << 20});
    std::ranges::reverse(before);
    EXPECT_EQ(before, std::vector<Position>(all.begin(), all.begin() + std::ptrdiff_t(at)));
  }
}

TEST_F(CursorTest, Walk_ofAStreamInOrderIsTheSame) {
  stream_.in_order = true;
  write(20, 60, 0, true);  // two buckets; rows begin and end at the same millisecond
  ASSERT_TRUE(stream_.in_order);
  stream_.in_order = false;
  const std::vector<Position> all = walk({}, true, {});
  ASSERT_EQ(all.size(), 20u * 60u);
  stream_.in_order = true;
  for (CursorLimits limits : {CursorLimits{7, 1 << 20}, CursorLimits{100, 50'000},
                              CursorLimits{2'000, 300'000}, CursorLimits{}})
    for (std::size_t let_go_every : {0ul, 50ul}) {
      EXPECT_EQ(walk({}, true, limits, let_go_every), all) << limits.events_max;
      std::vector<Position> backwards = walk(kEnd, false, limits, let_go_every);
      std::ranges::reverse(backwards);
      EXPECT_EQ(backwards, all) << limits.events_max;
    }
  for (std::size_t at = 0; at < all.size(); at += 97) {
    std::vector<Position> after = walk(all[at], true, {500, 1 << 20});
    EXPECT_EQ(after, std::vector<Position>(all.begin() + std::ptrdiff_t(at), all.end()));
    std::vector<Position> before = walk(all[at], false, {500, 1 << 20});
    std::ranges::reverse(before);
    EXPECT_EQ(before, std::vector<Position>(all.begin(), all.begin() + std::ptrdiff_t(at)));
  }
}

TEST_F(CursorTest, Stream_isInOrderUntilAnEventComesLate) {
  stream_.in_order = true;
  write(3, 100, 0, true);
  EXPECT_TRUE(stream_.in_order);
  store::Transaction late;
  add_events(late, stream_, {{Timestamp{(*stream_.last_event_ms - 1) * 1000}, "late"}}, {});
  EXPECT_FALSE(stream_.in_order);
  write(1, 1, 0, true);
  EXPECT_FALSE(stream_.in_order) << "for good";
}

// Counts the rows read through it. Reads row by row: the memory store's pages have no byte limit.
class CountingStore final : public store::Store {
 public:
  explicit CountingStore(store::Store& in) : in_(in) {}
  Result<std::optional<store::Row>> get(std::string_view table, std::string_view key) override {
    return in_.get(table, key);
  }
  Result<store::Page> scan(const store::Scan& scan) override {
    store::Scan one = scan;
    one.limit = 1;
    Result<store::Page> page = in_.scan(one);
    if (page)
      for (const store::Row& row : page->rows) read_bytes += row.value.size();
    return page;
  }
  Result<void> commit(store::Transaction transaction) override {
    return in_.commit(std::move(transaction));
  }
  void commit_async(store::Transaction transaction,
                    std::function<void(Result<void>)> done) override {
    in_.commit_async(std::move(transaction), std::move(done));
  }
  std::size_t read_bytes = 0;

 private:
  store::Store& in_;
};

// FilterLogEvents walks like this when many streams share its memory: it drops what it read ahead
// and resumes from its position. Each step used to read the whole bucket.
TEST_F(CursorTest, Walk_ofLargeEventsThatForgetsReadsFewRowsAtEachStep) {
  constexpr std::size_t kEvents = 40, kEventBytes = 250'000;
  stream_.in_order = true;
  for (std::size_t i = 0; i < kEvents; ++i) {
    store::Transaction transaction;
    add_events(transaction, stream_,
               {{Timestamp{std::int64_t(1'000'000 + i) * 1000}, std::string(kEventBytes, 'x')}},
               Timestamp{1});
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  CountingStore counting(*store_);
  for (bool forward : {true, false}) {
    counting.read_bytes = 0;
    EventCursor cursor(counting, stream_, forward ? Position{} : kEnd, forward,
                       {10'000, kEventBytes * 2 / 3});
    std::size_t seen = 0;
    while (*cursor.peek()) {
      ++seen;
      cursor.pop();
      if (*cursor.peek()) cursor.let_go();
    }
    EXPECT_EQ(seen, kEvents);
    EXPECT_LE(counting.read_bytes, 6 * kEvents * kEventBytes) << forward;
  }
}

TEST_F(CursorTest, Held_staysWithinTheLimit) {
  write(400, 50, 9'000);  // one bucket of several mebibytes
  const std::vector<Position> all = walk({}, true, {1'000'000, 64u << 20});
  const std::size_t whole = most_held_bytes_;
  most_held_bytes_ = 0;
  EXPECT_EQ(walk({}, true, {10'000, 512 << 10}), all);
  EXPECT_LE(most_held_bytes_, 512u << 10);
  EXPECT_GT(whole, 4u * (512u << 10));
}

TEST_F(CursorTest, SparseEvents_areReadManyBucketsAtOnce) {
  for (int i = 0; i < 500; ++i) {
    store::Transaction transaction;
    add_events(transaction, stream_, {{Timestamp{(1'000'000 + i * 20'000ll) * 1000}, "m"}},
               Timestamp{1});
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  EventCursor cursor(*store_, stream_, {}, true);
  std::size_t seen = 0;
  while (*cursor.peek()) {
    ++seen;
    cursor.pop();
  }
  EXPECT_EQ(seen, 500u);
  EXPECT_LE(cursor.loads(), 3u);
}

}  // namespace
}  // namespace tidemill::services::logs
