#include "services/iam/invariants.h"

#include <gtest/gtest.h>

namespace tidemill::services::iam {
namespace {

TEST(IamInvariants, Credentials_areWholeAndSomebodys) {
  const SessionRecord whole{.access_key_id = "ASIA1",
                            .secret_access_key = "secret",
                            .session_token = "token",
                            .account = "1",
                            .arn = "arn:aws:sts::1:assumed-role/r/s"};
  EXPECT_EQ(invariant(whole), "");
  for (std::string SessionRecord::* member :
       {&SessionRecord::access_key_id, &SessionRecord::secret_access_key,
        &SessionRecord::session_token, &SessionRecord::account, &SessionRecord::arn}) {
    SessionRecord without = whole;
    (without.*member).clear();
    EXPECT_NE(invariant(without), "");
  }
}

TEST(IamInvariants, Grants_haveAHolderARoleAndAToken) {
  const GrantRecord whole{{"training.1", "arn:aws:iam::1:role/r", "SageMaker", {}}, "token", ""};
  EXPECT_EQ(invariant(whole), "");
  GrantRecord without = whole;
  without.grant.holder.clear();
  EXPECT_NE(invariant(without), "");
  without = whole;
  without.grant.role_arn.clear();
  EXPECT_NE(invariant(without), "");
  without = whole;
  without.token.clear();
  EXPECT_NE(invariant(without), "");
}

TEST(IamInvariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(roles_table().put(transaction, "k", {}, 0), "iam_roles.*k.*a name");
  EXPECT_DEATH(users_table().put(transaction, "k", {}, 0), "iam_users");
  EXPECT_DEATH(groups_table().put(transaction, "k", {}, 0), "iam_groups");
  EXPECT_DEATH(instance_profiles_table().put(transaction, "k", {}, 0), "iam_instance_profiles");
  EXPECT_DEATH(policies_table().put(transaction, "k", {}, 0), "iam_policies");
  EXPECT_DEATH(aliases_table().put(transaction, "k", {}, 0), "iam_account_aliases");
  EXPECT_DEATH(key_uses_table().put(transaction, "k", {}, 0), "iam_key_uses");
  EXPECT_DEATH(sessions_table().put(transaction, "k", {}, 0), "iam_sessions");
  EXPECT_DEATH(grants_table().put(transaction, "k", {}, 0), "iam_grants");
  EXPECT_DEATH(first_steps_table().put(transaction, "k", {}, 0), "iam_first_steps");
}

}  // namespace
}  // namespace tidemill::services::iam
