#include "base/shared_budget.h"

#include <gtest/gtest.h>

namespace tidemill {
namespace {

TEST(SharedBudget, An_owner_leaves_a_reserve_for_others) {
  SharedBudget budget(100, 75);
  SharedBudget::Hold mine = budget.hold("a");
  EXPECT_TRUE(mine.grow_to(70));
  SharedBudget::Hold more = budget.hold("a");
  EXPECT_FALSE(more.grow_to(6));
  EXPECT_TRUE(more.grow_to(5));
  SharedBudget::Hold others = budget.hold("b");
  EXPECT_TRUE(others.grow_to(25));
  EXPECT_FALSE(others.grow_to(26));
  EXPECT_EQ(budget.taken(), 100u);
}

TEST(SharedBudget, A_hold_gives_back_once) {
  SharedBudget budget(10, 10);
  {
    SharedBudget::Hold first = budget.hold("a");
    ASSERT_TRUE(first.grow_to(4));
    SharedBudget::Hold second = std::move(first);
    EXPECT_EQ(second.amount(), 4u);
    EXPECT_EQ(first.amount(), 0u);
    SharedBudget::Hold third;
    third = std::move(second);
    EXPECT_TRUE(third.grow_to(2));
    EXPECT_EQ(budget.taken(), 4u);
  }
  EXPECT_EQ(budget.taken(), 0u);
  EXPECT_FALSE(SharedBudget::Hold().grow_to(1));
}

TEST(SharedBudget, More_than_there_is_does_not_wrap_around) {
  SharedBudget budget(10, 5);
  SharedBudget::Hold hold = budget.hold("a");
  EXPECT_FALSE(hold.grow_to(~0ull));
  EXPECT_FALSE(hold.grow_to(6));
  EXPECT_TRUE(hold.grow_to(5));
}

}  // namespace
}  // namespace tidemill
