#include "services/cloudtrail/event/stranger_budget.h"

#include <gtest/gtest.h>

namespace tidemill::services::cloudtrail {
namespace {

TEST(StrangerBudget, A_flood_is_counted_and_not_recorded) {
  StrangerBudget budget;
  const Timestamp now{1'796'000'000'000'000};
  for (int i = 0; i < StrangerBudget::kAtOnceMax; ++i) EXPECT_TRUE(budget.take(now).admitted);
  const StrangerBudget::Verdict first = budget.take(now);
  EXPECT_FALSE(first.admitted);
  EXPECT_EQ(first.to_report, 1);
  // The next report comes a minute later, with all that were left out since.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(budget.take(now).to_report, 0);
  EXPECT_TRUE(budget.take(now + std::chrono::seconds(1)).admitted);
  EXPECT_FALSE(budget.take(now + std::chrono::seconds(1)).admitted);
  const Timestamp later = now + std::chrono::hours(24);
  for (int i = 0; i < StrangerBudget::kAtOnceMax; ++i) EXPECT_TRUE(budget.take(later).admitted);
  EXPECT_EQ(budget.take(later).to_report, 12);
}

TEST(StrangerBudget, A_clock_that_is_set_back_admits_no_more) {
  StrangerBudget budget;
  const Timestamp now{1'796'000'000'000'000};
  for (int i = 0; i < StrangerBudget::kAtOnceMax; ++i) EXPECT_TRUE(budget.take(now).admitted);
  EXPECT_FALSE(budget.take(now + std::chrono::hours(-1)).admitted);
  EXPECT_TRUE(budget.take(now + std::chrono::hours(-1) + std::chrono::seconds(1)).admitted);
}

}  // namespace
}  // namespace tidemill::services::cloudtrail
