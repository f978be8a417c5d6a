#include "services/kms/common/records.h"

#include <gtest/gtest.h>

namespace tidemill::services::kms {
namespace {

TEST(KmsInvariants, Key_hasATimeOfDeletionExactlyWhileItWaits) {
  KeyRecord key{.id = "1", .account = "1", .region = "r", .materials = {KeyMaterial{}}};
  EXPECT_EQ(invariant(key), "");
  key.state = "PendingDeletion";
  EXPECT_NE(invariant(key), "");
  key.deletion = Timestamp{1};
  EXPECT_EQ(invariant(key), "");
  key.state = "Enabled";
  EXPECT_NE(invariant(key), "");
  key.deletion.reset();
  key.materials.clear();
  EXPECT_NE(invariant(key), "");
}

TEST(KmsInvariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(keys_table().put(transaction, "k", {}, 0), "kms_keys.*k");
  EXPECT_DEATH(aliases_table().put(transaction, "k", {}, 0), "kms_aliases");
  EXPECT_DEATH(grants_table().put(transaction, "k", {}, 0), "kms_grants");
}

}  // namespace
}  // namespace tidemill::services::kms
