#include "store/table.h"

#include <gtest/gtest.h>

#include "store/memory/memory_store.h"

namespace tidemill::store {

struct Counted {
  std::vector<int> items;
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(Counted, (), (items, count))

std::string_view invariant(const Counted& counted) {
  return int(counted.items.size()) == counted.count ? "" : "the count must be that of the items";
}

namespace {

TEST(Invariant, Record_thatKeepsItIsWritten) {
  const Table<Counted> table("counted", {}, &invariant);
  auto store = make_memory_store({table.spec()});
  Transaction transaction;
  table.put(transaction, "a", Counted{{7, 8}, 2}, 0);
  ASSERT_TRUE(store->commit(std::move(transaction)));
  EXPECT_EQ(table.get(*store, "a").value()->record.items, (std::vector<int>{7, 8}));
}

TEST(InvariantDeathTest, Record_thatBreaksItEndsTheServerWithItsName) {
  const Table<Counted> table("counted", {}, &invariant);
  const std::string where = key({"a", "b"});
  EXPECT_DEATH(table.checked(where, Counted{{7}, 2}),
               "counted.*a/b.*the count must be that of the items");
  Transaction transaction;
  EXPECT_DEATH(table.put(transaction, where, Counted{{7}, 2}, 0), "counted.*a/b");
}

// Only writing asserts: a record that an older version stored without the invariant can be read.
TEST(Invariant, Stored_recordsAreReadAsTheyAre) {
  const Table<Counted> table("counted", {}, &invariant);
  auto store = make_memory_store({table.spec()});
  Transaction transaction;
  transaction.put("counted", "old", R"({"items":[1],"count":5})", {}, 0);
  ASSERT_TRUE(store->commit(std::move(transaction)));
  EXPECT_EQ(table.get(*store, "old").value()->record.count, 5);
}

}  // namespace
}  // namespace tidemill::store
