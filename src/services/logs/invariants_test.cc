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

TEST(LogsInvariants, Groups_andGarbageHaveNames) {
  Group group{.account = "1", .region = "r", .name = "g"};
  EXPECT_EQ(invariant(group), "");
  group.stored_bytes = -1;
  EXPECT_NE(invariant(group), "");
  group = {.account = "1", .region = "r"};
  EXPECT_NE(invariant(group), "");
  EXPECT_EQ(invariant(Garbage{"u"}), "");
  EXPECT_NE(invariant(Garbage{}), "");
}

TEST(LogsInvariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(groups_table().put(transaction, "k", Group{}, 0), "log_groups.*k.*a name");
  EXPECT_DEATH(streams_table().put(transaction, "k", Stream{}, 0), "log_streams");
  EXPECT_DEATH(events_table().put(transaction, "k", EventRow{}, 0), "log_events");
  EXPECT_DEATH(garbage_table().put(transaction, "k", Garbage{}, 0), "log_garbage");
}

TEST(LogsInvariants, Row_hasATimeForEachMessage) {
  EXPECT_EQ(invariant(EventRow{1, {1, 2}, {"a", "b"}}), "");
  EXPECT_NE(invariant(EventRow{1, {1}, {"a", "b"}}), "");
  EXPECT_NE(invariant(EventRow{}), "");
}

}  // namespace
}  // namespace tidemill::services::logs
