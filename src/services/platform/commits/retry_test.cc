#include "services/platform/commits/retry.h"

#include <gtest/gtest.h>

namespace tidemill::services::platform {
namespace {

TEST(RetryConflicts, only_conflicts_are_repeated_and_not_for_ever) {
  int calls = 0;
  const Result<int> third = retry_conflicts([&]() -> Result<int> {
    if (++calls < 3) return fail(codes::kConflict, "busy");
    return 7;
  });
  EXPECT_EQ(*third, 7);
  EXPECT_EQ(calls, 3);

  calls = 0;
  const Result<void> full = retry_conflicts([&]() -> Result<void> {
    ++calls;
    return fail(codes::kStorageFull, "full");
  });
  EXPECT_EQ(full.error().code, codes::kStorageFull);
  EXPECT_EQ(calls, 1);

  calls = 0;
  const Result<void> busy = retry_conflicts([&]() -> Result<void> {
    ++calls;
    return fail(codes::kConflict, "busy");
  });
  EXPECT_EQ(busy.error().code, codes::kConflict);
  EXPECT_EQ(calls, kCommitAttemptsMax);
}

}  // namespace
}  // namespace tidemill::services::platform
