#include "server/byte_budget.h"

#include <gtest/gtest.h>

namespace tidemill::server {
namespace {

TEST(ByteBudget, Gives_what_is_left_and_takes_it_back) {
  ByteBudget budget(100);
  std::optional<ByteBudget::Hold> most = budget.take(70);
  ASSERT_TRUE(most);
  EXPECT_FALSE(budget.take(31));
  ByteBudget::Hold rest;
  {
    std::optional<ByteBudget::Hold> taken = budget.take(30);
    ASSERT_TRUE(taken);
    rest = *std::move(taken);
  }
  EXPECT_FALSE(budget.take(1));
  most.reset();
  EXPECT_TRUE(budget.take(70));
  EXPECT_FALSE(budget.take(71));
  EXPECT_FALSE(budget.take(~std::uint64_t{0}));
}

}  // namespace
}  // namespace tidemill::server
