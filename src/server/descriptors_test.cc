#include "server/descriptors.h"

#include <gtest/gtest.h>

namespace tidemill::server {
namespace {

TEST(Descriptors, Connections_leave_a_reserve) {
  EXPECT_EQ(connections_within(1024, 10'000), 768u);
  EXPECT_EQ(connections_within(512, 10'000), 256u);
  EXPECT_EQ(connections_within(100, 10'000), 50u);
  EXPECT_EQ(connections_within(20'000, 10'000), 10'000u);
  EXPECT_EQ(connections_within(12'000, 10'000), 9'000u);
  EXPECT_EQ(connections_within(1, 10), 1u);
}

TEST(Descriptors, The_soft_limit_is_raised) { EXPECT_GE(raise_descriptor_limit(), 256u); }

}  // namespace
}  // namespace tidemill::server
