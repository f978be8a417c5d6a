#include "store/contract.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/random.h"
#include "store/position_key.h"

namespace tidemill::store {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> keys_of(const Page& page) {
  std::vector<std::string> keys;
  for (const Row& row : page.rows) keys.push_back(row.key);
  return keys;
}

std::string code_of(const Result<void>& result) { return result ? "" : result.error().code; }

Result<void> put(Store& store, std::string key, std::string value,
                 Transaction::IndexKeys index_keys = {},
                 std::optional<std::uint64_t> expected = std::nullopt) {
  Transaction transaction;
  transaction.put("things", std::move(key), std::move(value), std::move(index_keys), expected);
  return store.commit(std::move(transaction));
}

std::vector<std::string> scan_keys(Store& store, Scan scan) {
  if (scan.table.empty()) scan.table = "things";
  Result<Page> page = store.scan(scan);
  if (!page) {
    ADD_FAILURE() << page.error().message;
    return {};
  }
  return keys_of(*page);
}

// Follows `next` to the end in pages of `limit`.
std::vector<std::string> scan_pages(Store& store, Scan scan) {
  scan.table = "things";
  std::vector<std::string> keys;
  for (int pages = 0; pages < 1000; ++pages) {
    Result<Page> page = store.scan(scan);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return keys;
    }
    for (const Row& row : page->rows) keys.push_back(row.key);
    if (page->next.empty()) return keys;
    (scan.reverse ? scan.before : scan.after) = page->next;
  }
  ADD_FAILURE() << "the pages do not end";
  return keys;
}

}  // namespace

TEST_P(StoreContract, GetOfAbsentKeyIsNull) {
  Result<std::optional<Row>> row = store().get("things", "none");
  ASSERT_TRUE(row);
  EXPECT_FALSE(row->has_value());
}

TEST_P(StoreContract, PutCountsVersions) {
  ASSERT_TRUE(put(store(), "a", "1"));
  ASSERT_TRUE(put(store(), "a", "2"));
  Result<std::optional<Row>> row = store().get("things", "a");
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->key, "a");
  EXPECT_EQ((*row)->version, 2u);
  EXPECT_EQ((*row)->value, "2");
}

TEST_P(StoreContract, ExpectedVersionsAreChecked) {
  EXPECT_EQ(code_of(put(store(), "a", "1", {}, 1)), codes::kConflict);
  ASSERT_TRUE(put(store(), "a", "1", {}, 0));
  EXPECT_EQ(code_of(put(store(), "a", "x", {}, 0)), codes::kConflict);
  EXPECT_EQ(code_of(put(store(), "a", "x", {}, 2)), codes::kConflict);
  ASSERT_TRUE(put(store(), "a", "2", {}, 1));

  Transaction erase_old;
  erase_old.erase("things", "a", 1);
  EXPECT_EQ(code_of(store().commit(std::move(erase_old))), codes::kConflict);
  Transaction erase;
  erase.erase("things", "a", 2);
  ASSERT_TRUE(store().commit(std::move(erase)));
  EXPECT_FALSE(store().get("things", "a")->has_value());
  Transaction erase_nothing;
  erase_nothing.erase("things", "a", std::nullopt);
  EXPECT_TRUE(store().commit(std::move(erase_nothing)));
  ASSERT_TRUE(put(store(), "a", "3", {}, 0));
  EXPECT_EQ((*store().get("things", "a"))->version, 1u);
}

TEST_P(StoreContract, ExpectWritesNothingAndConflicts) {
  ASSERT_TRUE(put(store(), "a", "1"));
  Transaction good;
  good.expect("things", "a", 1);
  good.expect("things", "absent", 0);
  good.put("others", "b", "1", {}, 0);
  ASSERT_TRUE(store().commit(std::move(good)));
  EXPECT_EQ((*store().get("things", "a"))->version, 1u);
  Transaction bad;
  bad.put("others", "c", "1", {}, 0);
  bad.expect("things", "a", 2);
  EXPECT_EQ(code_of(store().commit(std::move(bad))), codes::kConflict);
  EXPECT_FALSE(store().get("others", "c")->has_value());
}

TEST_P(StoreContract, AppendsAreNumberedInTheOrderOfCommits) {
  constexpr int kThreads = 4, kCommits = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = 0; number < kCommits; ++number) {
        Transaction transaction;
        transaction.append("others", fmt::format("{}-{:02}", thread, number));
        // A conflict takes no position.
        if (number % 5 == 0) transaction.expect("things", "absent", number % 2);
        const Result<void> done = store().commit(std::move(transaction));
        EXPECT_EQ(done.has_value(), number % 10 != 5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Result<Page> page = store().scan({.table = "others", .limit = 1000});
  ASSERT_TRUE(page);
  // Every thread's rows are in its own order, and the positions have no gaps.
  std::map<char, std::string> last;
  std::uint64_t position = 0;
  for (const Row& row : page->rows) {
    EXPECT_EQ(row.key, position_key(++position));
    EXPECT_EQ(row.version, 1u);
    EXPECT_LT(last[row.value[0]], row.value);
    last[row.value[0]] = row.value;
  }
  EXPECT_EQ(position, std::uint64_t(kThreads * (kCommits - 2)));
}

TEST_P(StoreContract, AppendsGoOnFromTheLastRow) {
  Transaction two;
  two.append("others", "1");
  two.append("others", "2");
  ASSERT_TRUE(store().commit(std::move(two)));
  Transaction trim;
  trim.erase("others", position_key(1), std::nullopt);
  ASSERT_TRUE(store().commit(std::move(trim)));
  harness_->reopen();
  Transaction third;
  third.append("others", "3");
  ASSERT_TRUE(store().commit(std::move(third)));
  EXPECT_THAT(scan_keys(store(), {.table = "others"}),
              ElementsAre(position_key(2), position_key(3)));
}

TEST_P(StoreContract, HooksRunAfterCommitsThatHappened) {
  std::atomic<int> ran = 0;
  auto with_hook = [&](std::uint64_t version) {
    Transaction transaction;
    transaction.put("things", "a", "1", {}, version);
    transaction.on_commit([&] { ++ran; });
    return transaction;
  };
  ASSERT_TRUE(store().commit(with_hook(0)));
  EXPECT_EQ(ran, 1) << "before the caller goes on";
  EXPECT_FALSE(store().commit(with_hook(7)));
  EXPECT_EQ(ran, 1) << "a conflict wrote nothing";
  std::atomic<bool> done = false;
  store().commit_async(with_hook(1), [&](Result<void> outcome) {
    EXPECT_TRUE(outcome);
    EXPECT_EQ(ran, 2);
    done = true;
    done.notify_all();
  });
  done.wait(false);
}

TEST_P(StoreContract, TransactionIsAllOrNothing) {
  ASSERT_TRUE(put(store(), "taken", "1", {{"by_owner", "o"}}));
  Transaction transaction;
  transaction.put("things", "new", "1", {{"by_owner", "o"}}, 0);
  transaction.erase("things", "taken", std::nullopt);
  transaction.put("others", "x", "1", {}, 5);
  EXPECT_EQ(code_of(store().commit(std::move(transaction))), codes::kConflict);
  EXPECT_THAT(scan_keys(store(), {}), ElementsAre("taken"));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), ElementsAre("taken"));
}

TEST_P(StoreContract, OperationsOfATransactionSeeEarlierOnes) {
  Transaction transaction;
  transaction.put("things", "a", "1", {{"by_owner", "o1"}}, 0);
  transaction.put("things", "a", "2", {{"by_owner", "o2"}}, 1);
  transaction.expect("things", "a", 2);
  transaction.put("things", "b", "1", {{"by_owner", "o3"}}, 0);
  transaction.erase("things", "b", 1);
  ASSERT_TRUE(store().commit(std::move(transaction)));
  EXPECT_EQ((*store().get("things", "a"))->value, "2");
  EXPECT_EQ((*store().get("things", "a"))->version, 2u);
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner", .prefix = "o1"}), IsEmpty());
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), ElementsAre("a"));
}

TEST_P(StoreContract, EmptyTransactionSucceeds) { EXPECT_TRUE(store().commit({})); }

TEST_P(StoreContract, UnknownNamesAreInvalid) {
  EXPECT_EQ(store().get("nowhere", "a").error().code, codes::kInvalid);
  EXPECT_EQ(store().scan({.table = "nowhere"}).error().code, codes::kInvalid);
  EXPECT_EQ(store().scan({.table = "things", .index = "by_none"}).error().code, codes::kInvalid);
  EXPECT_EQ(store().scan({.table = "things", .limit = 0}).error().code, codes::kInvalid);
  EXPECT_EQ(store().scan({.table = "things", .limit = kScanLimitMax + 1}).error().code,
            codes::kInvalid);
  Transaction transaction;
  transaction.put("nowhere", "a", "1", {}, {});
  EXPECT_EQ(code_of(store().commit(std::move(transaction))), codes::kInvalid);
  EXPECT_EQ(code_of(put(store(), "a", "1", {{"by_none", "x"}})), codes::kInvalid);
  EXPECT_FALSE(store().get("things", "a")->has_value());
}

TEST_P(StoreContract, ScanBoundsAndPrefix) {
  for (const char* key : {"a", "b1", "b2", "b3", "b\xff", "c"})
    ASSERT_TRUE(put(store(), key, "{}"));
  EXPECT_THAT(scan_keys(store(), {}), ElementsAre("a", "b1", "b2", "b3", "b\xff", "c"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "b"}), ElementsAre("b1", "b2", "b3", "b\xff"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "b", .reverse = true}),
              ElementsAre("b\xff", "b3", "b2", "b1"));
  EXPECT_THAT(scan_keys(store(), {.after = "b1", .before = "b3"}), ElementsAre("b2"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "b", .after = "b2"}), ElementsAre("b3", "b\xff"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "b", .after = "a"}),
              ElementsAre("b1", "b2", "b3", "b\xff"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "b", .before = "z"}),
              ElementsAre("b1", "b2", "b3", "b\xff"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "b", .after = "c"}), IsEmpty());
  EXPECT_THAT(scan_keys(store(), {.after = "c", .before = "a"}), IsEmpty());
  EXPECT_THAT(scan_keys(store(), {.before = "b2", .reverse = true}), ElementsAre("b1", "a"));
  EXPECT_THAT(scan_keys(store(), {.prefix = "\xff"}), IsEmpty());
}

TEST_P(StoreContract, ScanPagesGoOn) {
  std::vector<std::string> expected;
  for (int i = 0; i < 25; ++i) {
    expected.push_back("k" + std::to_string(100 + i));
    ASSERT_TRUE(put(store(), expected.back(), "{}"));
  }
  EXPECT_EQ(scan_pages(store(), {.limit = 10}), expected);
  EXPECT_EQ(scan_pages(store(), {.limit = 25}), expected);
  EXPECT_EQ(scan_pages(store(), {.limit = 1}), expected);
  std::ranges::reverse(expected);
  EXPECT_EQ(scan_pages(store(), {.reverse = true, .limit = 7}), expected);
  Result<Page> all = store().scan({.table = "things", .limit = 25});
  EXPECT_EQ(all->next, "") << "nothing follows a page that ends with the last row";
}

TEST_P(StoreContract, IndexFollowsUpdates) {
  ASSERT_TRUE(put(store(), "a", "1", {{"by_owner", "x"}, {"by_time", "3"}}));
  ASSERT_TRUE(put(store(), "b", "1", {{"by_owner", "x"}, {"by_time", "1"}}));
  ASSERT_TRUE(put(store(), "c", "1", {{"by_owner", "y"}, {"by_owner", "z"}, {"by_time", "2"}}));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), ElementsAre("a", "b", "c", "c"));
  EXPECT_THAT(scan_keys(store(), {.index = "by_time"}), ElementsAre("b", "c", "a"));
  ASSERT_TRUE(put(store(), "a", "2", {{"by_owner", "y"}}));
  EXPECT_THAT(scan_keys(store(), {.index = "by_time"}), ElementsAre("b", "c"));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner", .prefix = "y"}), ElementsAre("a", "c"));
  Transaction erase;
  erase.erase("things", "c", std::nullopt);
  ASSERT_TRUE(store().commit(std::move(erase)));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), ElementsAre("b", "a"));
  EXPECT_THAT(scan_keys(store(), {.index = "by_time"}), ElementsAre("b"));
}

TEST_P(StoreContract, RepeatedIndexKeyCountsOnce) {
  ASSERT_TRUE(put(store(), "a", "1", {{"by_owner", "x"}, {"by_owner", "x"}}));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), ElementsAre("a"));
}

TEST_P(StoreContract, IndexScanBounds) {
  for (const char* key : {"1", "2", "3", "4", "5"}) {
    ASSERT_TRUE(put(store(), key, "{}", {{"by_owner", key[0] < '4' ? "m" : "n"}}));
  }
  EXPECT_EQ(scan_pages(store(), {.index = "by_owner", .limit = 2}),
            (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(scan_pages(store(), {.index = "by_owner", .reverse = true, .limit = 2}),
            (std::vector<std::string>{"5", "4", "3", "2", "1"}));
  EXPECT_EQ(scan_pages(store(), {.index = "by_owner", .prefix = "m", .limit = 1}),
            (std::vector<std::string>{"1", "2", "3"}));
  // A bare index key as a bound leaves all of its entries out.
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner", .after = "m"}), ElementsAre("4", "5"));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner", .before = "n"}), ElementsAre("1", "2", "3"));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner", .before = "m"}), IsEmpty());
}

TEST_P(StoreContract, KeysAndValuesHoldAnyBytes) {
  using namespace std::string_literals;
  const std::vector<std::string> keys = {"",      "\0"s,   "a"s,     "a\0b"s, "a\x1f"s,
                                         "\x7f"s, "\x80"s, "\xc3("s, "\xff"s};
  for (const std::string& key : keys)
    ASSERT_TRUE(put(store(), key, key + "!", {{"by_owner", key}}));
  EXPECT_EQ(scan_keys(store(), {}), keys);
  EXPECT_EQ(scan_pages(store(), {.index = "by_owner", .limit = 1}), keys);
  for (const std::string& key : keys) {
    Result<std::optional<Row>> row = store().get("things", key);
    ASSERT_TRUE(row && *row);
    EXPECT_EQ((*row)->value, key + "!");
  }
  ASSERT_TRUE(put(store(), "a\0b"s, "2", {{"by_owner", "7:x,"}}, 1));
  ASSERT_TRUE(put(store(), "a\0b"s, "3", {}, 2));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner", .prefix = "7"}), IsEmpty());
}

TEST_P(StoreContract, LargeValues) {
  const std::string large(3'000'000, 'x');
  ASSERT_TRUE(put(store(), "large", large));
  EXPECT_EQ((*store().get("things", "large"))->value, large);
  EXPECT_EQ(store().scan({.table = "things"})->rows.at(0).value.size(), large.size());
}

TEST_P(StoreContract, CommitAsyncTellsTheOutcome) {
  std::atomic<int> good = 0, conflicts = 0;
  constexpr int kCommits = 50;
  for (int i = 0; i < kCommits; ++i) {
    Transaction transaction;
    transaction.put("things", "one", "1", {}, 0);
    store().commit_async(std::move(transaction), [&](Result<void> result) {
      result ? ++good : (result.error().code == codes::kConflict ? ++conflicts : 0);
    });
  }
  for (int i = 0; i < 5000 && good + conflicts < kCommits; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(good, 1);
  EXPECT_EQ(conflicts, kCommits - 1);
}

TEST_P(StoreContract, ManyThreadsCountWithOptimisticRetries) {
  ASSERT_TRUE(put(store(), "counter", "0"));
  constexpr int kThreads = 8, kIncrements = 100;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int done = 0; done < kIncrements;) {
        const Row row = **store().get("things", "counter");
        const std::string next = std::to_string(std::stoi(row.value) + 1);
        Result<void> result = put(store(), "counter", next, {{"by_time", next}}, row.version);
        if (result) ++done;
        if (!result && result.error().code != codes::kConflict && ++failures > 3) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  const Row row = **store().get("things", "counter");
  EXPECT_EQ(row.value, std::to_string(kThreads * kIncrements));
  EXPECT_EQ(row.version, kThreads * kIncrements + 1u);
  EXPECT_EQ(scan_keys(store(), {.index = "by_time"}).size(), 1u);
}

TEST_P(StoreContract, ReadsSeeEveryCommitThatReturned) {
  constexpr int kThreads = 4, kWrites = 100;
  std::vector<std::thread> threads;
  std::atomic<int> stale = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string key = "own" + std::to_string(t);
      for (int i = 0; i < kWrites; ++i) {
        const std::string value = std::to_string(i);
        if (!put(store(), key, value)) ++stale;
        Result<std::optional<Row>> row = store().get("things", key);
        if (!row || !*row || (*row)->value != value) ++stale;
        Result<Page> page = store().scan({.table = "things", .prefix = key});
        if (!page || page->rows.at(0).value != value) ++stale;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stale, 0);
}

// Against a model: random writes, then every way of reading must agree.
TEST_P(StoreContract, AgreesWithAModel) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> random = make_seeded_random(seed);
  auto pick = [&](std::uint64_t below) { return random->next() % below; };
  std::map<std::string, std::pair<std::string, std::string>> model;  // value, index key
  for (int i = 0; i < 300; ++i) {
    Transaction transaction;
    const std::uint64_t operations = 1 + pick(4);
    auto next = model;
    for (std::uint64_t o = 0; o < operations; ++o) {
      const std::string key(1 + pick(2), static_cast<char>('a' + pick(6)));
      if (pick(3) == 0) {
        transaction.erase("things", key, std::nullopt);
        next.erase(key);
      } else {
        const std::string owner(1, static_cast<char>('p' + pick(4)));
        const std::string value = std::to_string(i);
        transaction.put("things", key, value, {{"by_owner", owner}}, std::nullopt);
        next[key] = {value, owner};
      }
    }
    if (pick(5) == 0) {
      transaction.expect("things", "never", 3);
      ASSERT_EQ(code_of(store().commit(std::move(transaction))), codes::kConflict);
    } else {
      ASSERT_TRUE(store().commit(std::move(transaction)));
      model = std::move(next);
    }
  }
  std::vector<std::string> keys, keys_by_owner;
  std::set<std::pair<std::string, std::string>> by_owner;
  for (const auto& [key, entry] : model) {
    keys.push_back(key);
    by_owner.emplace(entry.second, key);
    EXPECT_EQ((*store().get("things", key))->value, entry.first);
  }
  for (const auto& [owner, key] : by_owner) keys_by_owner.push_back(key);
  EXPECT_EQ(scan_pages(store(), {.limit = 1 + pick(5)}), keys);
  EXPECT_EQ(scan_pages(store(), {.index = "by_owner", .limit = 1 + pick(5)}), keys_by_owner);
}

TEST_P(StoreContract, ReopeningKeepsEverything) {
  ASSERT_TRUE(put(store(), "a", "1", {{"by_owner", "x"}}));
  ASSERT_TRUE(put(store(), "a", "2", {{"by_owner", "y"}}));
  if (!harness_->reopen()) GTEST_SKIP() << "this store lives in memory only";
  EXPECT_EQ((*store().get("things", "a"))->value, "2");
  EXPECT_EQ((*store().get("things", "a"))->version, 2u);
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), ElementsAre("a"));
  ASSERT_TRUE(put(store(), "a", "3", {}, 2));
  EXPECT_THAT(scan_keys(store(), {.index = "by_owner"}), IsEmpty());
}

}  // namespace tidemill::store
