#include "services/cloudtrail/log/records.h"

#include <gtest/gtest.h>

#include "services/cloudtrail/trail/trail.h"

namespace tidemill::services::cloudtrail {
namespace {

TEST(CloudTrailInvariants, Chain_hasLinksAndSignedCheckpoints) {
  const std::string hash(64, 'a');
  EXPECT_EQ(invariant(StoredEvent{"1", "r", {}, "{}", std::string(kFirstHash), hash}), "");
  EXPECT_NE(invariant(StoredEvent{"1", "r", {}, "", std::string(kFirstHash), hash}), "");
  EXPECT_NE(invariant(StoredEvent{"1", "r", {}, "{}", std::string(kFirstHash), "a"}), "");
  EXPECT_EQ(invariant(ChainHead{}), "");
  EXPECT_EQ(invariant(ChainHead{3, hash, 3, hash}), "");
  EXPECT_NE(invariant(ChainHead{3, hash, 4, hash}), "");
  EXPECT_EQ(invariant(Checkpoint{1, hash, {}, "key", "ab"}), "");
  EXPECT_NE(invariant(Checkpoint{0, hash, {}, "key", "ab"}), "");
  EXPECT_NE(invariant(Checkpoint{1, hash, {}, "key", ""}), "");
}

TEST(CloudTrailInvariants, Trail_hasABucketAndSelectorsOfOneKind) {
  TrailRecord trail{.account = "1", .region = "r", .name = "t", .bucket = "b"};
  EXPECT_EQ(invariant(trail), "");
  trail.pending_until = 7;
  EXPECT_NE(invariant(trail), "");
  trail.pending_token = "token";
  EXPECT_EQ(invariant(trail), "");
  trail.selectors.emplace_back();
  EXPECT_EQ(invariant(trail), "");
  trail.advanced_selectors.emplace_back();
  EXPECT_NE(invariant(trail), "");
  trail = {.account = "1", .region = "r", .name = "t"};
  EXPECT_NE(invariant(trail), "");
}

TEST(CloudTrailInvariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(events_table().put(transaction, "k", {}, 0), "cloudtrail_events.*k");
  EXPECT_DEATH(heads_table().put(transaction, "k", {1, "", 2, ""}, 0), "cloudtrail_heads");
  EXPECT_DEATH(checkpoints_table().put(transaction, "k", {}, 0), "cloudtrail_checkpoints");
  EXPECT_DEATH(keys_table().put(transaction, "k", {}, 0), "cloudtrail_keys");
  EXPECT_DEATH(trails_table().put(transaction, "k", {}, 0), "cloudtrail_trails");
  EXPECT_DEATH(digests_table().put(transaction, "k", {}, 0), "cloudtrail_digests");
}

}  // namespace
}  // namespace tidemill::services::cloudtrail
