#include "services/platform/paging/paging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/describe.hpp>
#include <memory>
#include <vector>

#include "store/memory/memory_store.h"

namespace tidemill::services::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Number {
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Number, (), (value))

const store::Table<Number>& numbers() {
  static const store::Table<Number> table("numbers");
  return table;
}

class PagingTest : public ::testing::Test {
 protected:
  PagingTest() : store_(store::make_memory_store({numbers().spec()})) {
    store::Transaction transaction;
    for (int i = 1; i <= 6; ++i) numbers().put(transaction, "n" + std::to_string(i), Number{i}, 0);
    EXPECT_TRUE(store_->commit(std::move(transaction)));
  }
  // One page of the even numbers.
  std::vector<std::int64_t> page(std::string& position, PageLimits limits, bool reverse = false) {
    std::vector<std::int64_t> out;
    store::Scan scan;
    scan.reverse = reverse;
    Result<std::string> next =
        fill_page(*store_, numbers(), scan, position, limits, [&out](const Number& number) {
          if (number.value % 2 != 0) return false;
          out.push_back(number.value);
          return true;
        });
    EXPECT_TRUE(next);
    position = next ? *next : "";
    return out;
  }
  std::unique_ptr<store::Store> store_;
};

TEST_F(PagingTest, pages_follow_each_other_without_gaps_in_both_directions) {
  std::string position;
  EXPECT_THAT(page(position, {.items_max = 2}), ElementsAre(2, 4));
  EXPECT_EQ(position, "n4");
  EXPECT_THAT(page(position, {.items_max = 2}), ElementsAre(6));
  EXPECT_EQ(position, "");
  EXPECT_THAT(page(position, {.items_max = 1}, true), ElementsAre(6));
  EXPECT_THAT(page(position, {.items_max = 5}, true), ElementsAre(4, 2));
  EXPECT_EQ(position, "");
}

TEST_F(PagingTest, a_page_ends_early_after_too_many_records) {
  std::string position;
  EXPECT_THAT(page(position, {.items_max = 1, .scanned_max = 1}), IsEmpty());
  EXPECT_EQ(position, "n1");
  EXPECT_THAT(page(position, {.items_max = 1, .scanned_max = 1}), ElementsAre(2));
}

TEST(PageTokens, only_tokens_of_this_kind_are_taken) {
  const auto refusal = fail("ValidationException", "No.");
  EXPECT_EQ(*page_position(std::nullopt, refusal), "");
  EXPECT_EQ(*page_position(page_token("a/b\x01"), refusal), "a/b\x01");
  for (const char* wrong : {"", "*", "no token"}) {
    Result<std::string> position = page_position(std::string(wrong), refusal);
    ASSERT_FALSE(position) << wrong;
    EXPECT_EQ(position.error().code, "ValidationException");
  }
}

}  // namespace
}  // namespace tidemill::services::platform
