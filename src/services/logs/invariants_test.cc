#include "services/logs/invariants.h"

#include <gtest/gtest.h>

namespace tidemill::services::logs {
namespace {

TEST(LogsInvariants, Stream_hasBothEndsInOrder) {
  Stream stream{.account = "1", .region = "r", .group = "g", .name = "s", .uid = "u"};
  EXPECT_EQ(invariant(stream), "");
  stream.first_event_ms = 5;
  EXPECT_NE(invariant(stream), "");
  stream.last_event_ms = 4;
  EXPECT_NE(invariant(stream), "");
  stream.last_event_ms = 5;
  EXPECT_EQ(invariant(stream), "");
  stream.uid.clear();
  EXPECT_NE(invariant(stream), "");
}

TEST(LogsInvariants, Row_hasATimeForEachMessage) {
  EXPECT_EQ(invariant(EventRow{1, {1, 2}, {"a", "b"}}), "");
  EXPECT_NE(invariant(EventRow{1, {1}, {"a", "b"}}), "");
  EXPECT_NE(invariant(EventRow{}), "");
}

}  // namespace
}  // namespace tidemill::services::logs
